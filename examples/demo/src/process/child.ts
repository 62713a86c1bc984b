import { type FromChild, STOP, type ToChild } from './messages.ts'

/** The director, seen from one of its processes. */
export interface Parent<Input> {
  readonly input: Input
  /** Says that this process does its work from now on. */
  ready(value?: unknown): void
  /** Tells the director something that nobody asked for. */
  tell(event: unknown): void
  /** Answers the director's calls of `method`. */
  answer(method: string, handler: (argument: never) => unknown): void
  /** Registers what has to end before the process does. */
  onStop(end: () => Promise<void>): void
}

/** @throws TypeError in a process that the director did not start. */
export function childOf<Input>(): Parent<Input> {
  if (process.send === undefined) throw new TypeError('This file is started by the demo, not by hand.')
  const handlers = new Map<string, (argument: never) => unknown>()
  const ends: (() => Promise<void>)[] = []
  const send = (message: FromChild): void => {
    if (process.connected) process.send?.(message)
  }

  handlers.set(STOP, async () => {
    for (const end of ends.reverse()) await end()
    // Not at once: the answer has to leave first.
    setImmediate(() => process.disconnect())
    setTimeout(() => process.exit(0), 50).unref()
  })
  process.on('message', (call: ToChild) => void answer(call))
  // A director that is gone, however it went, leaves nobody behind.
  process.on('disconnect', () => process.exit(0))
  // Ctrl-C reaches the whole terminal; the director decides who ends when.
  process.on('SIGINT', () => {})

  async function answer({ id, method, argument }: ToChild): Promise<void> {
    try {
      const handler = handlers.get(method)
      if (handler === undefined) throw new TypeError(`This process does not answer ${method}.`)
      send({ type: 'result', id, value: await handler(argument as never) })
    } catch (error) {
      send({ type: 'result', id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  }

  return {
    input: JSON.parse(process.argv[2] ?? 'null'),
    ready: (value) => send({ type: 'ready', value }),
    tell: (value) => send({ type: 'event', value }),
    answer: (method, handler) => handlers.set(method, handler),
    onStop: (end) => ends.push(end),
  }
}
