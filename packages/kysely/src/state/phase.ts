import type { MigrationStore, Phase } from '@twinspan/core'
import type { Database } from '../database.ts'
import { insertAbsent } from '../writes.ts'
import { insertAudit } from './audit.ts'
import { inTransaction } from './transaction.ts'

export function createPhaseRecord(
  database: Database,
  migration: string,
): Pick<MigrationStore, 'readState' | 'recordState'> {
  const { own } = database
  return {
    async readState() {
      const row = await own
        .selectFrom('twinspan_state')
        .selectAll()
        .where('migration', '=', migration)
        .executeTakeFirst()
      if (row === undefined) return undefined
      const { incarnation, phase, epoch, definition } = row
      return { incarnation, phase: phase as Phase, epoch: Number(epoch), definition }
    },

    recordState: (next, audit) =>
      inTransaction(database, async (db) => {
        const { incarnation, phase, epoch, definition } = next
        const values = { incarnation, phase, epoch, definition }
        // A write that changes nothing locks the row, so that of two recorders the second sees what the first recorded.
        await db
          .updateTable('twinspan_state')
          .set((eb) => ({ epoch: eb.ref('epoch') }))
          .where('migration', '=', migration)
          .execute()
        const recorded = await db
          .selectFrom('twinspan_state')
          .select('epoch')
          .where('migration', '=', migration)
          .executeTakeFirst()
        if (recorded === undefined) {
          if ((await insertAbsent(database, db, 'twinspan_state', [{ migration, ...values }])) === 0) return false
        } else {
          if (Number(recorded.epoch) >= epoch) return false
          await db.updateTable('twinspan_state').set(values).where('migration', '=', migration).execute()
        }
        const already = Number(recorded?.epoch ?? 0)
        await insertAudit(
          db,
          migration,
          audit.filter((entry) => entry.epoch > already),
        )
        return true
      }),
  }
}
