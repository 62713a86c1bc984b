import { setImmediate as turn } from 'node:timers/promises'
import type { DatabaseConnection, Kysely } from 'kysely'

/**
 * Runs `work` with a connection that refuses everything but a rollback once `signal` is aborted.
 *
 * Drivers queue statements. A statement that work sends while the rollback waits behind an earlier one would follow the
 * rollback and be committed by itself.
 */
export async function guarded<DB, T>(db: Kysely<DB>, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const connection = await db.getExecutor().provideConnection(async (one) => one)
  const own = Object.hasOwn(connection, 'executeQuery')
  const execute = connection.executeQuery
  const refuse: DatabaseConnection['executeQuery'] = (query, options) => {
    if (signal.aborted && query.sql !== 'rollback') return Promise.reject(signal.reason)
    return execute.call(connection, query, options) as never
  }
  connection.executeQuery = refuse
  try {
    return await work()
  } finally {
    // What work had queued on this connection meets the refusal before the connection is anybody else's.
    if (signal.aborted) await turn()
    if (own) connection.executeQuery = execute
    else Reflect.deleteProperty(connection, 'executeQuery')
  }
}
