import { type BoundSide, type CaptureRequest, type Key, keyText, StalePhaseError } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { accepting } from './accepting.ts'
import type { AnyTables, Database } from './database.ts'
import type { Scope } from './dialect.ts'
import { commitWith, takesSeveral } from './early-commit.ts'
import type { OwnTables } from './own-tables.ts'
import { isStalePhase } from './stale.ts'

/**
 * Capture by transaction. The marks are the last statement before the commit: earlier, they would hold the fence for as
 * long as the application thinks.
 */
export function createCaptureWrite(database: Database, scope: Scope): BoundSide['captureWrite'] {
  const { side } = scope
  const { app, own, ownIn, dialect, ref, schema } = database
  const marks = dialect.marks?.call(schema, scope)
  let several: Promise<boolean> | undefined
  const accepts = accepting(database, scope)

  /** Holds the fence until the transaction ends. */
  async function accept(db: Kysely<OwnTables>): Promise<void> {
    const { rows } =
      await sql`select 1 from ${ref('twinspan_fence')} fence where ${accepts.condition} ${accepts.suffix}`.execute(db)
    if (rows.length === 0) throw new StalePhaseError(side, 'it does not take primary writes')
  }

  /** The marks and the fence in one statement. */
  async function mark(db: Kysely<OwnTables>, entity: string, keys: readonly Key[]): Promise<void> {
    const texts = textsOf(keys)
    if (marks !== undefined) {
      await sql.raw(marks(entity, texts)).execute(db).catch(refused)
      return
    }
    if (texts.length === 0) return accept(db)
    // One key needs no table of keys to be joined, which costs more than the rest.
    const table = sql.join(
      texts.map((text) => sql`select ${text} as key_text`),
      sql` union all `,
    )
    const [key, from] =
      texts.length === 1 ? [sql`${texts[0]}`, sql``] : [sql`marks.key_text`, sql`cross join (${table}) marks`]
    const { numAffectedRows } = await sql`
      insert into ${ref('twinspan_journal')} (migration, side, entity, key_text, attempts, due_at, parked, marked_at)
      select fence.migration, fence.side, ${entity}, ${key}, 0, 0, 0, ${dialect.now}
      from ${ref('twinspan_fence')} fence ${from}
      where ${accepts.condition} ${accepts.suffix}`.execute(db)
    if (numAffectedRows !== BigInt(texts.length)) throw new StalePhaseError(side, 'it does not take primary writes')
  }

  /** Marks and commit in one round trip, where engine and driver can. Anywhere else the commit follows by itself. */
  async function markAtLast(transaction: Kysely<AnyTables>, entity: string, keys: readonly Key[]): Promise<void> {
    if (marks === undefined || !(await several)) return mark(ownIn(transaction), entity, keys)
    await commitWith(transaction, marks(entity, textsOf(keys))).catch(refused)
  }

  function refused(error: unknown): never {
    throw isStalePhase(error) ? new StalePhaseError(side, 'it does not take primary writes', { cause: error }) : error
  }

  return async <T>(
    { entity, keys, uncaptured }: CaptureRequest<T>,
    work: (connection: unknown) => Promise<T>,
  ): Promise<T> => {
    if (marks !== undefined) {
      several ??= takesSeveral(own)
      await several
    }
    return app.transaction().execute(async (transaction) => {
      const result = await work(transaction)
      const db = ownIn(transaction)
      if (uncaptured === undefined) {
        await markAtLast(transaction, entity, keys(result))
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
}

function textsOf(keys: readonly Key[]): readonly string[] {
  return [...new Set(keys.map(keyText))]
}
