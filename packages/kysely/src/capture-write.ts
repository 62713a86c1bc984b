import { type BoundSide, type CaptureRequest, type Key, keyText, StalePhaseError } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { accepting } from './accepting.ts'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import type { OwnTables } from './own-tables.ts'
import { isStalePhase } from './stale.ts'

/**
 * Capture by transaction. The marks are the last statement before the commit: earlier, they would hold the fence for as
 * long as the application thinks.
 */
export function createCaptureWrite(database: Database, { migration, side }: Scope): BoundSide['captureWrite'] {
  const { app, ownIn, dialect, ref } = database
  const accepts = accepting(database, { migration, side })

  /** Holds the fence until the transaction ends. */
  async function accept(db: Kysely<OwnTables>): Promise<void> {
    const { rows } =
      await sql`select 1 from ${ref('twinspan_fence')} fence where ${accepts.condition} ${accepts.suffix}`.execute(db)
    if (rows.length === 0) throw new StalePhaseError(side, 'it does not take primary writes')
  }

  /** The marks and the fence in one statement. */
  async function mark(db: Kysely<OwnTables>, entity: string, keys: readonly Key[]): Promise<void> {
    const texts = [...new Set(keys.map(keyText))]
    if (texts.length === 0) return accept(db)
    const marks = sql.join(
      texts.map((text) => sql`select ${text} as key_text`),
      sql` union all `,
    )
    const { numAffectedRows } = await sql`
      insert into ${ref('twinspan_journal')} (migration, side, entity, key_text, attempts, due_at, parked, marked_at)
      select fence.migration, fence.side, ${entity}, marks.key_text, 0, 0, 0, ${dialect.now}
      from ${ref('twinspan_fence')} fence cross join (${marks}) marks
      where ${accepts.condition} ${accepts.suffix}`.execute(db)
    if (numAffectedRows !== BigInt(texts.length)) throw new StalePhaseError(side, 'it does not take primary writes')
  }

  return <T>({ entity, keys, uncaptured }: CaptureRequest<T>, work: (connection: unknown) => Promise<T>): Promise<T> =>
    app.transaction().execute(async (transaction) => {
      const result = await work(transaction)
      const db = ownIn(transaction)
      if (uncaptured === undefined) {
        await mark(db, entity, keys(result))
        return result
      }
      await sql`savepoint twinspan_marks`.execute(db)
      try {
        await mark(db, entity, keys(result))
      } catch (error) {
        if (isStalePhase(error)) throw error
        // Where the engine took back more than the statement (a deadlock on MySQL), the savepoint is gone and the write
        // with it: what must not be committed then is the rest of it.
        await sql`rollback to savepoint twinspan_marks`.execute(db).catch(() => {
          throw error
        })
        await accept(db)
        await uncaptured(error)
      }
      return result
    })
}
