import type { ServerResponse } from 'node:http'
import type { ConsoleStatus } from './collect-status.ts'
import type { Settings } from './options.ts'
import type { Reporter } from './reporter.ts'
import { sendHead } from './respond.ts'

/** Server-sent events: those who watch are told the status again and again. */
export interface Streams {
  /** Whether there was room. */
  open(response: ServerResponse): boolean
  /** Tells everybody at once: something was done that they wait to see. */
  hurry(): void
  close(): void
}

/** A stream ends after it, and the browser asks again: somebody who lost his rights goes on watching no longer than this. */
const LIFETIME_MS = 60_000

/** How soon it is noticed that the server is to end. */
const LOOK_MS = 500

/** What may wait for a reader who does not read. Who is further behind misses a status. */
const MOST_BUFFERED_BYTES = 1_000_000

export function createStreams(
  reporter: Reporter,
  { refreshMs, maxStreams }: Pick<Settings<unknown>, 'refreshMs' | 'maxStreams'>,
): Streams {
  const open = new Map<ServerResponse, number>()
  let timers: readonly NodeJS.Timeout[] = []

  async function tell(responses: Iterable<ServerResponse>): Promise<void> {
    const message = eventOf(await reporter.status())
    for (const response of responses) {
      const isOpen = open.has(response) && !response.writableEnded
      if (isOpen && response.writableLength < MOST_BUFFERED_BYTES) response.write(message)
    }
  }

  function tick(): void {
    for (const [response, since] of open) {
      if (performance.now() - since >= LIFETIME_MS) response.end()
    }
    tell(open.keys()).catch(() => {})
  }

  function endWithServer(): void {
    for (const response of open.keys()) if (isEnding(response)) response.end()
  }

  function forget(response: ServerResponse): void {
    open.delete(response)
    if (open.size > 0) return
    for (const timer of timers) clearInterval(timer)
    timers = []
  }

  return {
    open(response) {
      if (open.size >= maxStreams) return false
      open.set(response, performance.now())
      response.once('close', () => forget(response))
      response.once('error', () => forget(response))
      // Proxies, and middleware that compresses, are asked not to gather the answer before they pass it on.
      sendHead(response, 200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      })
      response.write(`retry: ${refreshMs}\n\n`)
      if (timers.length === 0)
        timers = [setInterval(tick, refreshMs).unref(), setInterval(endWithServer, LOOK_MS).unref()]
      tell([response]).catch(() => response.end())
      return true
    },
    hurry() {
      tell(open.keys()).catch(() => {})
    },
    close() {
      for (const response of open.keys()) response.end()
    },
  }
}

/** A server that takes no new connection waits for those that it has: whoever watches would keep it from ending. */
function isEnding({ socket }: ServerResponse): boolean {
  const { server } = (socket ?? {}) as { readonly server?: { readonly listening?: unknown } }
  return server?.listening === false
}

function eventOf(status: ConsoleStatus): string {
  return `event: status\ndata: ${JSON.stringify(status)}\n\n`
}
