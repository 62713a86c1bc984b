import { type Key, keyText, type StoreOptions } from '@twinspan/core'
import { type InsertQueryBuilder, type InsertResult, type Kysely, sql } from 'kysely'
import { chunks } from './chunks.ts'
import type { AnyTables } from './database.ts'
import { groupRows, rowKey, rowsAtOnce } from './rows.ts'
import { selectKeys } from './select-keys.ts'
import { type KnownTable, requireUniqueKey, type TableContext } from './table-context.ts'

type Row = Record<string, unknown>

/** Upserts rows by their key. Only the columns that a row names are set. */
export async function saveRows(context: TableContext, rows: readonly object[], options?: StoreOptions): Promise<void> {
  if (rows.length === 0) return
  const known = await context.known(options)
  requireUniqueKey(context, known)
  const work = async (db: Kysely<AnyTables>): Promise<void> => {
    for (const group of groupRows(context, known, rows)) {
      for (const some of chunks(group.rows, rowsAtOnce(context, group.columns.length))) {
        if (upsertsAtOnce(context, known, group.columns)) await upsert(context, known, db, some, group.columns)
        else await updateOrInsert(context, known, db, some, group.columns)
      }
    }
  }
  // Several statements become visible together, also where the caller brought no transaction.
  if (options?.transaction === undefined) await context.database.app.transaction().execute(work)
  else await work(context.connection(options))
}

// An insert fails on a required column that the row does not name, although the row may exist and only be updated.
function upsertsAtOnce({ database }: TableContext, { columns: all }: KnownTable, named: readonly string[]): boolean {
  return database.dialect.onConflict && ![...all].some(([name, { required }]) => required && !named.includes(name))
}

async function upsert(
  context: TableContext,
  known: KnownTable,
  db: Kysely<AnyTables>,
  rows: readonly Row[],
  columns: readonly string[],
): Promise<void> {
  const values = columns.filter((column) => !context.key.includes(column))
  await insertInto(context, known, db, rows)
    .onConflict((conflict) => {
      const onKey = conflict.columns([...context.key])
      if (values.length === 0) return onKey.doNothing()
      return onKey.doUpdateSet((eb) =>
        Object.fromEntries(values.map((column) => [column, eb.ref(`excluded.${column}`)])),
      )
    })
    .execute()
}

/**
 * Updates what exists and inserts the rest. Also the way on MySQL, whose `on duplicate key update` would update a
 * stranger's row when another unique value collides.
 */
async function updateOrInsert(
  context: TableContext,
  known: KnownTable,
  db: Kysely<AnyTables>,
  rows: readonly Row[],
  columns: readonly string[],
): Promise<void> {
  const keyOf = (row: Row): Key => rowKey(context, row)
  const found = await selectKeys(context, known, db, rows.map(keyOf), { lock: true })
  const present = rows.filter((row) => found.has(keyText(keyOf(row))))
  const absent = rows.filter((row) => !found.has(keyText(keyOf(row))))
  const values = columns.filter((column) => !context.key.includes(column))
  if (values.length > 0 && present.length > 0) {
    if (updatesAtOnce(context, known, columns)) {
      await insertInto(context, known, db, present)
        .onDuplicateKeyUpdate((eb) =>
          Object.fromEntries(values.map((column) => [column, eb.fn('values', [eb.ref(column as never)])])),
        )
        .execute()
    } else {
      for (const row of present) await updateOne(context, known, db, row, values)
    }
  }
  if (absent.length > 0) await insertInto(context, known, db, absent).execute()
}

/**
 * A locked row of the primary key is what a duplicate collides with first, so that no other row can be meant.
 */
function updatesAtOnce(context: TableContext, { facts, columns: all }: KnownTable, named: readonly string[]): boolean {
  if (context.database.dialect.onConflict) return false
  const physical = context.database.physical(context.name, context.key).columns
  const byPrimaryKey =
    facts.primaryKey.length === physical.length && physical.every((column) => facts.primaryKey.includes(column))
  return byPrimaryKey && ![...all].some(([name, { required }]) => required && !named.includes(name))
}

async function updateOne(
  context: TableContext,
  known: KnownTable,
  db: Kysely<AnyTables>,
  row: Row,
  values: readonly string[],
): Promise<void> {
  await db
    .updateTable(context.name)
    .set(Object.fromEntries(values.map((column) => [column, row[column]])))
    .where(known.key.isIn(known.key.bind([rowKey(context, row)])))
    .execute()
}

export function insertInto(
  { name, key }: TableContext,
  { columns }: KnownTable,
  db: Kysely<AnyTables>,
  rows: readonly Row[],
): InsertQueryBuilder<AnyTables, string, InsertResult> {
  const insists = key.some((column) => columns.get(column)?.insist)
  if (!insists) return db.insertInto(name).values(rows as never)
  const named = Object.keys(rows[0] ?? {})
  const tuples = rows.map((row) => sql`(${sql.join(named.map((column) => row[column]))})`)
  // A key that is `generated always` takes a copied value only when told so, in words that Kysely does not have.
  return db
    .insertInto(name)
    .columns(named)
    .expression(sql`overriding system value values ${sql.join(tuples)}`)
}
