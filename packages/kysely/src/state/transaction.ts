import type { Kysely } from 'kysely'
import type { Database } from '../database.ts'
import type { OwnTables } from '../own-tables.ts'

/** A short transaction on Twinspan's own tables that sees what others committed while it waited for a row. */
export function inTransaction<T>({ own, dialect }: Database, work: (db: Kysely<OwnTables>) => Promise<T>): Promise<T> {
  const builder = own.transaction()
  return (dialect.isolation === undefined ? builder : builder.setIsolationLevel(dialect.isolation)).execute(work)
}
