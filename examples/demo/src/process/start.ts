import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { type FromChild, STOP, type ToChild } from './messages.ts'

const READY_MS = 60_000
const STOP_MS = 8_000

export interface Start<Input> {
  /** What messages call it. */
  readonly name: string
  readonly script: URL
  readonly input: Input
  /** Gets everything that the process prints. */
  readonly log: string
  onEvent?(event: unknown): void
  /** The process ended though nobody asked it to. */
  onLost?(why: string): void
}

/** One of the demo's processes, seen from the director. */
export class Process<Ready = unknown> {
  readonly name: string
  readonly pid: number
  ready!: Ready
  readonly #child: ChildProcess
  readonly #calls = new Map<number, (result: Extract<FromChild, { type: 'result' }>) => void>()
  #lastCall = 0
  #expected = false

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#child = child
    this.pid = child.pid ?? -1
  }

  /** Forks the script and waits until it says that it is ready. */
  static async start<Ready>(start: Start<unknown>): Promise<Process<Ready>> {
    const log = openSync(start.log, 'a')
    const child = fork(start.script, [JSON.stringify(start.input)], {
      stdio: ['ignore', log, log, 'ipc'],
    })
    const self = new Process<Ready>(start.name, child)
    const ready = Promise.withResolvers<void>()
    child.on('message', (message: FromChild) => {
      if (message.type === 'result') self.#calls.get(message.id)?.(message)
      if (message.type === 'event') start.onEvent?.(message.value)
      if (message.type === 'ready') {
        self.ready = message.value as Ready
        ready.resolve()
      }
    })
    child.on('exit', (code, signal) => {
      const why = `${start.name} ended with ${signal ?? `code ${code}`}, see ${start.log}`
      ready.reject(new Error(why))
      for (const [id, answer] of self.#calls) answer({ type: 'result', id, error: why })
      if (!self.#expected) start.onLost?.(why)
    })
    const timer = setTimeout(() => ready.reject(new Error(`${start.name} did not start, see ${start.log}`)), READY_MS)
    await ready.promise.finally(() => clearTimeout(timer))
    return self
  }

  /** Calls a method of the process and waits for its answer. */
  call<Result = void>(method: string, argument?: unknown): Promise<Result> {
    const id = ++this.#lastCall
    const answer = Promise.withResolvers<Result>()
    this.#calls.set(id, (result) => {
      this.#calls.delete(id)
      if (result.error === undefined) answer.resolve(result.value as Result)
      else answer.reject(new Error(`${this.name}: ${result.error}`))
    })
    const call: ToChild = { type: 'call', id, method, argument }
    this.#child.send(call, (error) => {
      if (error) this.#calls.get(id)?.({ type: 'result', id, error: error.message })
    })
    return answer.promise
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Sends a signal: a crash (`SIGKILL`), a hang (`SIGSTOP`), its end (`SIGCONT`). */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    if (signal === 'SIGKILL') this.#expected = true
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    if (!this.running) return
    const exited = once(this.#child, 'exit')
    this.signal('SIGKILL')
    await exited
  }

  /** Asks it to end, and kills it when it does not. */
  async stop(): Promise<void> {
    this.#expected = true
    if (!this.running) return
    const exited = once(this.#child, 'exit')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS)
    await this.call(STOP).catch(() => {})
    await exited
    clearTimeout(timer)
  }
}
