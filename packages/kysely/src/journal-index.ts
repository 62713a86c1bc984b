import type { CreateIndexBuilder, Kysely } from 'kysely'
import type { OwnTables } from './own-tables.ts'

export function journalIndex(db: Kysely<OwnTables>): CreateIndexBuilder<string> {
  return db.schema
    .createIndex('twinspan_journal_key')
    .on('twinspan_journal')
    .columns(['migration', 'side', 'entity', 'key_text']) as unknown as CreateIndexBuilder<string>
}
