import { type BoundSide, type CaptureRequest, keyText, StalePhaseError } from '@twinspan/core'
import { sql } from 'kysely'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'

/**
 * Capture by transaction. The marks are the last statement before the commit: earlier, they would hold the fence for as
 * long as the application thinks.
 */
export function createCaptureWrite(database: Database, { migration, side }: Scope): BoundSide['captureWrite'] {
  const { app, ownIn, dialect, ref } = database
  const guard = dialect.fenceGuard({ migration, side })
  const accepting = sql`fence.migration = ${migration} and fence.side = ${side} and fence.open = 1
    and fence.primary_side = ${side} and ${guard.condition}`
  return <T>({ entity, keys }: CaptureRequest<T>, work: (connection: unknown) => Promise<T>): Promise<T> =>
    app.transaction().execute(async (transaction) => {
      const result = await work(transaction)
      const texts = [...new Set(keys(result).map(keyText))]
      const db = ownIn(transaction)
      if (texts.length === 0) {
        const { rows } =
          await sql`select 1 from ${ref('twinspan_fence')} fence where ${accepting} ${guard.suffix}`.execute(db)
        if (rows.length === 0) throw new StalePhaseError(side, 'it does not take primary writes')
        return result
      }
      const marks = sql.join(
        texts.map((text) => sql`select ${text} as key_text`),
        sql` union all `,
      )
      const { numAffectedRows } = await sql`
        insert into ${ref('twinspan_journal')} (migration, side, entity, key_text, attempts, due_at, parked, marked_at)
        select fence.migration, fence.side, ${entity}, marks.key_text, 0, 0, 0, ${dialect.now}
        from ${ref('twinspan_fence')} fence cross join (${marks}) marks
        where ${accepting} ${guard.suffix}`.execute(db)
      if (numAffectedRows !== BigInt(texts.length)) throw new StalePhaseError(side, 'it does not take primary writes')
      return result
    })
}
