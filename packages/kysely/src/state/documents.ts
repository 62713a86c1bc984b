import type { Document, Json, MigrationStore } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database.ts'
import type { Int64, OwnTables } from '../own-tables.ts'
import { insertAbsent } from '../writes.ts'
import { insertAudit } from './audit.ts'
import { inTransaction } from './transaction.ts'

export function createDocuments(
  database: Database,
  migration: string,
): Pick<MigrationStore, 'getDocument' | 'putDocument' | 'listDocuments'> {
  const { own } = database

  async function put(db: Kysely<OwnTables>, name: string, value: Json, expected: number | undefined): Promise<boolean> {
    const text = JSON.stringify(value)
    if (expected !== 0) {
      const { numUpdatedRows } = await db
        .updateTable('twinspan_document')
        .set({ value: text, version: sql`version + 1` })
        .where('migration', '=', migration)
        .where('name', '=', name)
        .$if(expected !== undefined, (query) => query.where('version', '=', expected ?? 0))
        .executeTakeFirstOrThrow()
      if (numUpdatedRows > 0n) return true
      if (expected !== undefined) return false
    }
    if ((await insertAbsent(database, db, 'twinspan_document', [{ migration, name, value: text, version: 1 }])) > 0)
      return true
    // Somebody else wrote the first version meanwhile, and whoever writes whatever is there writes after them.
    return expected === undefined ? put(db, name, value, undefined) : false
  }

  return {
    async getDocument(name) {
      const row = await own
        .selectFrom('twinspan_document')
        .select(['value', 'version'])
        .where('migration', '=', migration)
        .where('name', '=', name)
        .executeTakeFirst()
      return row === undefined ? undefined : decode(row)
    },

    putDocument: (name, value, { expected, audit } = {}) =>
      inTransaction(database, async (db) => {
        const written = await put(db, name, value, expected)
        if (written && audit !== undefined) await insertAudit(db, migration, [audit])
        return written
      }),

    async listDocuments(prefix) {
      const rows = await own
        .selectFrom('twinspan_document')
        .select(['name', 'value', 'version'])
        .where('migration', '=', migration)
        // `like` ignores case on some engines.
        .where(sql`substr(name, 1, ${sql.lit(Array.from(prefix).length)})`, '=', prefix)
        .orderBy('name')
        .execute()
      return new Map(rows.map((row) => [row.name, decode(row)]))
    },
  }
}

function decode({ value, version }: { readonly value: string; readonly version: Int64 }): Document {
  return { value: JSON.parse(value) as Json, version: Number(version) }
}
