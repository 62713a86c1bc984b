import type { Document, Json, MigrationStore } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { chunks } from '../chunks.ts'
import type { Database } from '../database.ts'
import type { Int64, OwnTables } from '../own-tables.ts'
import { insertAbsent } from '../writes.ts'
import { insertAudit } from './audit.ts'
import { type Hints, tell } from './follow.ts'
import { inTransaction } from './transaction.ts'

const AT_ONCE = 500

export function createDocuments(
  database: Database,
  migration: string,
  hints: Hints | undefined,
): Pick<MigrationStore, 'getDocument' | 'putDocument' | 'listDocuments' | 'removeDocuments' | 'follow'> {
  const { own, dialect } = database
  // One channel serves the whole database, so the topic says all that tells two documents apart.
  const topicOf = (name: string): string => JSON.stringify([database.schema ?? '', migration, name])

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

    putDocument: (name, value, { expected, audit, hint = false } = {}) =>
      inTransaction(database, async (db) => {
        const written = await put(db, name, value, expected)
        if (written && audit !== undefined) await insertAudit(db, migration, [audit])
        if (written && hint && dialect.engine === 'postgres') await tell(db, topicOf(name))
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

    async removeDocuments(names) {
      for (const some of chunks(names, AT_ONCE)) {
        await own.deleteFrom('twinspan_document').where('migration', '=', migration).where('name', 'in', some).execute()
      }
    },

    ...(hints === undefined ? {} : { follow: (name, listener) => hints.follow(topicOf(name), listener) }),
  }
}

function decode({ value, version }: { readonly value: string; readonly version: Int64 }): Document {
  return { value: JSON.parse(value) as Json, version: Number(version) }
}
