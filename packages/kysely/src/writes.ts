import type { Insertable, Kysely } from 'kysely'
import type { Database } from './database.ts'
import type { OwnTable, OwnTables } from './own-tables.ts'

/** Inserts the rows whose primary key is absent. Returns how many that were. */
export async function insertAbsent<Table extends OwnTable>(
  { dialect }: Database,
  db: Kysely<OwnTables>,
  table: Table,
  rows: readonly Insertable<OwnTables[Table]>[],
): Promise<number> {
  const insert = db.insertInto(table as 'twinspan_state').values(rows as never)
  const query = dialect.onConflict ? insert.onConflict((conflict) => conflict.doNothing()) : insert.ignore()
  const { numInsertedOrUpdatedRows } = await query.executeTakeFirstOrThrow()
  return Number(numInsertedOrUpdatedRows ?? 0)
}

/** Inserts rows or replaces those of the same primary key, in a table of ours, which has no other unique key. */
export async function upsert<Table extends OwnTable>(
  { dialect }: Database,
  db: Kysely<OwnTables>,
  table: Table,
  key: readonly (keyof OwnTables[Table] & string)[],
  rows: readonly Insertable<OwnTables[Table]>[],
): Promise<void> {
  const [first] = rows
  if (first === undefined) return
  const columns = Object.keys(first).filter((column) => !(key as readonly string[]).includes(column))
  const insert = db.insertInto(table as 'twinspan_state').values(rows as never)
  const query = dialect.onConflict
    ? insert.onConflict((conflict) =>
        conflict
          .columns(key as never)
          .doUpdateSet(
            (eb) =>
              Object.fromEntries(columns.map((column) => [column, eb.ref(`excluded.${column}` as never)])) as never,
          ),
      )
    : insert.onDuplicateKeyUpdate(
        (eb) =>
          Object.fromEntries(columns.map((column) => [column, eb.fn('values', [eb.ref(column as never)])])) as never,
      )
  await query.execute()
}
