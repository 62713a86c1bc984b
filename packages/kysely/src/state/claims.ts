import type { MigrationStore } from '@twinspan/core'
import { sql } from 'kysely'
import type { Database } from '../database.ts'
import { insertAbsent } from '../writes.ts'
import { inTransaction } from './transaction.ts'

export function createClaims(database: Database, migration: string): Pick<MigrationStore, 'claim' | 'releaseClaim'> {
  const { own, dialect } = database
  const { now } = dialect
  return {
    claim: (name, owner, ttlMs) =>
      inTransaction(database, async (db) => {
        const expires_at = sql<number>`${now} + ${sql.lit(Math.round(ttlMs))}`
        const renewed = await db
          .updateTable('twinspan_claim')
          .set({ expires_at })
          .where('migration', '=', migration)
          .where('name', '=', name)
          .where('owner', '=', owner)
          .where('expires_at', '>', now)
          .executeTakeFirstOrThrow()
        if (renewed.numUpdatedRows === 0n) {
          const taken = await db
            .updateTable('twinspan_claim')
            .set({ owner, expires_at, token: sql`token + 1` })
            .where('migration', '=', migration)
            .where('name', '=', name)
            .where('expires_at', '<=', now)
            .executeTakeFirstOrThrow()
          if (taken.numUpdatedRows === 0n) {
            const first = { migration, name, owner, token: 1, expires_at: expires_at as never }
            if ((await insertAbsent(database, db, 'twinspan_claim', [first])) === 0) return undefined
          }
        }
        const row = await db
          .selectFrom('twinspan_claim')
          .select('token')
          .where('migration', '=', migration)
          .where('name', '=', name)
          .where('owner', '=', owner)
          .executeTakeFirst()
        return row === undefined ? undefined : { token: Number(row.token) }
      }),

    async releaseClaim(name, owner) {
      // The row stays, so that the next claim is known to be later.
      await own
        .updateTable('twinspan_claim')
        .set({ expires_at: 0 })
        .where('migration', '=', migration)
        .where('name', '=', name)
        .where('owner', '=', owner)
        .execute()
    },
  }
}
