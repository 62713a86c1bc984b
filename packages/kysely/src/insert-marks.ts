import type { Mark } from '@twinspan/core'
import type { Kysely } from 'kysely'
import { chunks } from './chunks.ts'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import type { OwnTables } from './own-tables.ts'

/** Appends rows to the journal of a scope. */
export async function insertMarks(
  { dialect }: Database,
  db: Kysely<OwnTables>,
  { migration, side }: Scope,
  marks: readonly Mark[],
): Promise<void> {
  // A marked row carries seven parameters.
  for (const some of chunks(marks, Math.min(dialect.maxParameters / 7, 2_000))) {
    const rows = some.map(({ entity, key }) => ({
      migration,
      side,
      entity,
      key_text: key,
      attempts: 0,
      due_at: 0,
      parked: 0,
      marked_at: dialect.now,
    }))
    await db
      .insertInto('twinspan_journal')
      .values(rows as never)
      .execute()
  }
}
