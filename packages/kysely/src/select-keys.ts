import { type Key, keyText, type StoreOptions } from '@twinspan/core'
import type { Kysely } from 'kysely'
import { chunks } from './chunks.ts'
import type { AnyTables } from './database.ts'
import { rowKey } from './rows.ts'
import type { KnownTable, TableContext } from './table-context.ts'

/** How many keys fit into a statement: those that a collation calls equal are asked for twice. */
export function keysAtOnce({ database, key }: TableContext): number {
  return Math.min(5_000, database.dialect.maxParameters / (2 * key.length))
}

/** The `keyText`s of those keys that have a row. */
export async function selectKeys(
  context: TableContext,
  known: KnownTable,
  db: Kysely<AnyTables>,
  keys: readonly Key[],
  { lock = false, options }: { readonly lock?: boolean; readonly options?: StoreOptions } = {},
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const some of chunks(known.key.bind(keys), keysAtOnce(context))) {
    const query = db
      .selectFrom(context.name)
      .select([...context.key])
      .where(known.key.isIn(some))
    const rows = await (lock ? query.modifyEnd(context.database.dialect.forUpdate) : query).execute(options)
    for (const row of rows) found.add(keyText(rowKey(context, row)))
  }
  return found
}
