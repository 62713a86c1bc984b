#!/usr/bin/env node
import { EXIT_STATUS } from './exit-status.ts'
import { main } from './main.ts'

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // Whoever asks twice does not want to wait for the chunk at work.
    if (stop.signal.aborted) process.exit(EXIT_STATUS.interrupted.status)
    stop.abort()
  })
}
// `| head` has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  stop.abort()
})

// What waits in the library keeps no process alive, and a command that waits has to.
setInterval(() => {}, 60_000)

const { stdout, stderr, env } = process
const status = await main(process.argv.slice(2), { stdout, stderr, env, cwd: process.cwd(), signal: stop.signal })
// A connection that the configuration left open must not keep the shell waiting.
stdout.write('', () => process.exit(status))
