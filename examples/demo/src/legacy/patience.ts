import { setTimeout as sleep } from 'node:timers/promises'
import type { DatabaseConnection } from 'kysely'

const PATIENCE_MS = 8_000
const LONGEST_PAUSE_MS = 20

/**
 * Waits for SQLite's write lock without holding up the process. SQLite's own `busy_timeout` waits inside the driver's
 * call, and better-sqlite3 calls it on the main thread: a process that waits so answers nobody, and when the holder of the
 * lock waits for something of this process, both wait until the time is over.
 */
export async function waitPatiently(connection: DatabaseConnection): Promise<void> {
  const execute = connection.executeQuery.bind(connection)
  connection.executeQuery = async (query, options) => {
    const deadline = performance.now() + PATIENCE_MS
    for (let pause = 1; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return (await execute(query, options)) as never
      } catch (error) {
        // A statement that was refused the lock has done nothing.
        if ((error as { code?: unknown }).code !== 'SQLITE_BUSY' || performance.now() > deadline) throw error
        await sleep(pause)
      }
    }
  }
}
