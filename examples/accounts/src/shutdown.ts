import type { Server } from 'node:http'

/** How long requests in flight may take to end. */
const GRACE_MS = 10_000

/**
 * Ends a server: no new connections, requests in flight are answered, what hangs is cut off after the grace. A login that
 * computes is answered.
 */
export async function drain(server: Server, graceMs: number = GRACE_MS): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearTimeout(cut)
}

/** Runs `end` once, at the first SIGTERM or SIGINT, and exits with what came of it. */
export function onSignal(end: () => Promise<void>): void {
  let ending = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (ending) return
      ending = true
      end().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
}
