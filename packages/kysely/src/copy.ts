import {
  type BoundSide,
  type Copy,
  type CopyRequest,
  numberOption,
  STRIPES,
  StalePhaseError,
  TimeoutError,
  TransactionEndedError,
  within,
} from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import type { OwnTables } from './own-tables.ts'
import { type TransactOptions, transact, untilFree } from './transact.ts'
import { createVersions } from './versions.ts'

const TIMEOUT_MS = 10_000

/** Between its version and its locks another copier came for the same stripes. */
class Overtaken extends Error {}

/** Copies in one transaction each: fence, stripes, work, commit. */
export function createCopy(database: Database, scope: Scope, stripesReady: () => Promise<void>): BoundSide['copy'] {
  const { dialect, ownIn } = database
  const versions = createVersions(database, scope)

  /** A version for the stripes, in a transaction of its own. */
  function draw(limits: TransactOptions, wanted: readonly number[], free: boolean) {
    return transact(database, limits, async (transaction) => {
      const db = ownIn(transaction)
      await dialect.begin(db, scope, limits.timeoutMs)
      const stripes = await hold(database, db, scope, wanted, free)
      return { stripes, version: await versions.draw(db, stripes) }
    })
  }

  return async <T>(request: CopyRequest, work: (copy: Copy) => Promise<T>): Promise<T> => {
    const timeoutMs = numberOption('timeoutMs', request.timeoutMs, TIMEOUT_MS, { min: 1 })
    const wanted = [...new Set(request.stripes)].sort((a, b) => a - b)
    for (const stripe of wanted) numberOption('stripes', stripe, 0, { min: 0, max: STRIPES - 1, integer: true })
    const what = `A copy to ${scope.side}`
    const free = request.wait === 'free'
    try {
      if (wanted.length > 0) await within(timeoutMs, what, stripesReady)
      if (request.versioned) await within(timeoutMs, what, versions.ready)
      return await untilFree(
        database,
        timeoutMs,
        async (leftMs) => {
          const limits = { what, timeoutMs: leftMs, limitMs: timeoutMs }
          const drawn = request.versioned ? await draw(limits, wanted, free) : undefined
          return transact(database, limits, async (transaction) => {
            const db = ownIn(transaction)
            await dialect.begin(db, scope, leftMs)
            await dialect.holdFence(db, scope, 'shared')
            await refusePrimary(db, scope, request.epoch)
            await dialect.markCopy(db, scope)
            const locked = await hold(database, db, scope, drawn?.stripes ?? wanted, free)
            const stripes = drawn === undefined ? locked : await versions.current(db, locked, drawn.version)
            if (wanted.length > 0 && stripes.length < (free ? 1 : wanted.length)) throw new Overtaken()
            const version = drawn === undefined ? {} : { version: drawn.version }
            const result = await work({ transaction, stripes, ...version, attempt: attemptIn(database, db, scope) })
            await dialect.unmarkCopy(db, scope)
            return result
          })
        },
        (error) => error instanceof Overtaken || dialect.trouble(error) === 'busy',
      )
    } catch (error) {
      const trouble = dialect.trouble(error)
      if (trouble === 'lock-timeout' || trouble === 'busy') throw new TimeoutError(what, timeoutMs)
      throw error
    }
  }
}

/** Makes the function that runs work in a copy's transaction and takes back what it wrote. */
function attemptIn({ dialect }: Database, db: Kysely<OwnTables>, scope: Scope): NonNullable<Copy['attempt']> {
  return async (work) => {
    await sql`savepoint twinspan_attempt`.execute(db)
    const [done] = await Promise.allSettled([work()])
    const failed = done.status === 'rejected'
    try {
      await sql`rollback to savepoint twinspan_attempt`.execute(db)
    } catch {
      // The savepoint went with its transaction. What work wrote may be committed, and with it what says that this
      // connection copies: left there, it would let the next user of the connection write uncaptured.
      await sql`rollback`.execute(db).catch(() => {})
      await dialect.unmarkCopy(db, scope)
      // Kysely ends with a rollback, and SQLite refuses one that has nothing to roll back.
      await sql`begin`.execute(db)
      throw new TransactionEndedError('The attempt', failed ? { cause: done.reason } : {})
    }
    if (failed) throw done.reason
    return done.value
  }
}

async function refusePrimary(db: Kysely<OwnTables>, { migration, side }: Scope, epoch: number): Promise<void> {
  const row = await db
    .selectFrom('twinspan_fence')
    .select(['epoch', 'primary_side'])
    .where('migration', '=', migration)
    .where('side', '=', side)
    .executeTakeFirst()
  if (row === undefined) throw new StalePhaseError(side, 'it has no fence row')
  if (row.primary_side === side) throw new StalePhaseError(side, 'it is the primary')
  if (Number(row.epoch) !== epoch) {
    throw new StalePhaseError(side, `its epoch is ${Number(row.epoch)}, the copier's ${epoch}`)
  }
}

async function hold(
  { dialect }: Database,
  db: Kysely<OwnTables>,
  scope: Scope,
  wanted: readonly number[],
  free: boolean,
): Promise<readonly number[]> {
  const [first] = wanted
  if (first === undefined) return []
  if (!free) return dialect.lockStripes(db, scope, wanted, false)
  const held = await dialect.lockStripes(db, scope, wanted, true)
  return held.length > 0 ? held : dialect.lockStripes(db, scope, [first], false)
}
