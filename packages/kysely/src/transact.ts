import { setTimeout as sleep } from 'node:timers/promises'
import { TimeoutError } from '@twinspan/core'
import type { Kysely } from 'kysely'
import type { AnyTables, Database } from './database.ts'
import { guarded } from './guard.ts'

export interface TransactOptions {
  /** What a `TimeoutError` says did not end. */
  readonly what: string
  readonly timeoutMs: number
  /** The caller's own limit, of which `timeoutMs` is what is left. @default timeoutMs */
  readonly limitMs?: number
}

/**
 * One transaction that never keeps its caller longer than `timeoutMs`, whatever the server does.
 *
 * When the time is over the caller is told at once. The transaction is rolled back as soon as the connection answers, and
 * the connection goes back to its pool only then; nothing is committed after the caller was told.
 */
export async function transact<T>(
  database: Database,
  { what, timeoutMs, limitMs = timeoutMs }: TransactOptions,
  work: (transaction: Kysely<AnyTables>) => Promise<T>,
): Promise<T> {
  const { app, dialect, ownIn } = database
  const timeout = new TimeoutError(what, limitMs)
  const expiry = new AbortController()
  const expired = new Promise<never>((_, reject) => expiry.signal.addEventListener('abort', () => reject(timeout)))
  expired.catch(() => {})
  const timer = setTimeout(() => expiry.abort(timeout), timeoutMs)

  const running = app.connection().execute(
    async (connection) => {
      const restore = await dialect.limitSession(ownIn(connection), timeoutMs)
      try {
        return await guarded(connection, expiry.signal, () => {
          const builder = connection.transaction()
          const { isolation } = dialect
          const transaction = isolation === undefined ? builder : builder.setIsolationLevel(isolation)
          return transaction.execute((trx) => {
            const working = expiry.signal.aborted ? expired : work(trx)
            // What loses the race goes on, and finds the connection closed to it.
            working.catch(() => {})
            return Promise.race([working, expired])
          })
        })
      } finally {
        await restore().catch(() => {})
      }
    },
    { signal: expiry.signal },
  )
  running.catch(() => {})
  try {
    return await Promise.race([running, expired])
  } finally {
    clearTimeout(timer)
  }
}

/** Repeats what the database refused because of others, until `timeoutMs` are over. */
export async function untilFree<T>(
  database: Database,
  timeoutMs: number,
  attempt: (leftMs: number) => Promise<T>,
  passing: (error: unknown) => boolean = (error) => database.dialect.trouble(error) === 'busy',
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (let wait = 2; ; wait = Math.min(wait * 2, 50)) {
    const left = deadline - performance.now()
    try {
      return await attempt(Math.max(1, left))
    } catch (error) {
      if (!passing(error) || left <= wait) throw error
      await sleep(wait)
    }
  }
}
