import {
  type Fence,
  type FenceRow,
  FenceTimeoutError,
  type PendingSwitch,
  type Phase,
  TimeoutError,
} from '@twinspan/core'
import { type Kysely, type Selectable, sql } from 'kysely'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import type { Int64, OwnTables } from './own-tables.ts'
import { transact, untilFree } from './transact.ts'

const LOCK_TIMEOUT_MS = 5_000

/** What a server may take beyond the wait for the lock before it counts as gone. */
const GRACE_MS = 2_000

export function createFence(database: Database, scope: Scope): Fence {
  const { own, ownIn, dialect } = database
  const { migration, side } = scope
  return {
    async read() {
      const row = await own
        .selectFrom('twinspan_fence')
        .selectAll()
        .select(sql<Int64>`${dialect.now}`.as('now'))
        .where('migration', '=', migration)
        .where('side', '=', side)
        .executeTakeFirst()
      return row === undefined ? undefined : { row: decode(row), now: Number(row.now) }
    },

    async change(revision, next, { lockTimeoutMs = LOCK_TIMEOUT_MS } = {}) {
      let held = false
      const attempt = (leftMs: number): Promise<boolean> =>
        transact(
          database,
          { what: `A change of the fence of ${side}`, timeoutMs: leftMs + GRACE_MS },
          async (transaction) => {
            const db = ownIn(transaction)
            await dialect.begin(db, scope, leftMs)
            await dialect.holdFence(db, scope, 'exclusive')
            held = true
            return write(db, scope, revision, next)
          },
        )
      const isPassing = (error: unknown): boolean => ['busy', 'deadlock'].includes(dialect.trouble(error))
      try {
        // A writer who waits behind this change for the fence may hold what the writer before it waits for.
        return await untilFree(database, lockTimeoutMs, attempt, isPassing)
      } catch (error) {
        const trouble = dialect.trouble(error)
        // Two processes began the migration at one time, and no row was there to wait for.
        if (revision === 0 && trouble === 'unique') return false
        const waited = trouble === 'lock-timeout' || trouble === 'busy' || trouble === 'deadlock'
        // Once the fence is held, time that runs out says nothing about whether the commit arrived.
        if (waited || (error instanceof TimeoutError && !held)) {
          throw new FenceTimeoutError(side, lockTimeoutMs, { cause: error })
        }
        throw error
      }
    },
  }
}

/** The compare-and-set, under the exclusive lock. */
async function write(
  db: Kysely<OwnTables>,
  { migration, side }: Scope,
  revision: number,
  next: Omit<FenceRow, 'revision'>,
): Promise<boolean> {
  const values = { revision: revision + 1, ...encode(next) }
  const mine = { migration, side }
  if (revision > 0) {
    const { numUpdatedRows } = await db
      .updateTable('twinspan_fence')
      .set(values)
      .where((eb) => eb.and({ ...mine, revision }))
      .executeTakeFirstOrThrow()
    return numUpdatedRows === 1n
  }
  const present = await db
    .selectFrom('twinspan_fence')
    .select('revision')
    .where((eb) => eb.and(mine))
    .executeTakeFirst()
  if (present !== undefined) return false
  await db
    .insertInto('twinspan_fence')
    .values({ ...mine, ...values })
    .execute()
  return true
}

function decode(row: Selectable<OwnTables['twinspan_fence']>): FenceRow {
  return {
    revision: Number(row.revision),
    incarnation: row.incarnation,
    epoch: Number(row.epoch),
    phase: row.phase as Phase,
    primary: row.primary_side,
    open: Number(row.open) === 1,
    pending: row.pending === null ? null : (JSON.parse(row.pending) as PendingSwitch),
    unrecorded: JSON.parse(row.unrecorded) as FenceRow['unrecorded'],
  }
}

function encode(row: Omit<FenceRow, 'revision'>) {
  return {
    incarnation: row.incarnation,
    epoch: row.epoch,
    phase: row.phase,
    primary_side: row.primary,
    open: row.open ? 1 : 0,
    pending: row.pending === null ? null : JSON.stringify(row.pending),
    unrecorded: JSON.stringify(row.unrecorded),
  }
}
