import { type Key, type KeyPart, keyText, PartHeldError, type StoreOptions } from '@twinspan/core'
import { type InsertQueryBuilder, type InsertResult, type Kysely, sql } from 'kysely'
import { chunks } from './chunks.ts'
import type { AnyTables } from './database.ts'
import { groupRows, rowKey, rowsAtOnce } from './rows.ts'
import { keysAtOnce, selectKeys } from './select-keys.ts'
import { type KnownTable, requireUniqueKey, type TableContext } from './table-context.ts'

type Row = Record<string, unknown>

interface Agreeing {
  /** The columns in which a row that exists must agree, its key's apart. */
  readonly columns: readonly string[]
  readonly within: readonly string[]
}

/**
 * Upserts rows by their key. Only the columns that a row names are set.
 *
 * @param within Columns in which a row that exists must already agree: the key of the record that it is a part of.
 * @throws PartHeldError when one does not
 */
export async function saveRows(
  context: TableContext,
  rows: readonly object[],
  options?: StoreOptions,
  within: readonly string[] = [],
): Promise<void> {
  if (rows.length === 0) return
  const known = await context.known(options)
  requireUniqueKey(context, known)
  const agreeing: Agreeing = {
    columns: within.filter((column) => !context.key.includes(column)),
    within,
  }
  const work = async (db: Kysely<AnyTables>): Promise<void> => {
    for (const group of groupRows(context, known, rows)) {
      for (const some of chunks(group.rows, rowsAtOnce(context, group.columns.length))) {
        if (upsertsAtOnce(context, known, group.columns))
          await upsert(context, known, db, some, group.columns, agreeing)
        else await updateOrInsert(context, known, db, some, group.columns, agreeing)
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
  agreeing: Agreeing,
): Promise<void> {
  const values = columns.filter((column) => !context.key.includes(column))
  const done = await insertInto(context, known, db, rows)
    .onConflict((conflict) => {
      const onKey = conflict.columns([...context.key])
      if (values.length === 0) return onKey.doNothing()
      const update = onKey.doUpdateSet((eb) =>
        Object.fromEntries(values.map((column) => [column, eb.ref(`excluded.${column}`)])),
      )
      // In the statement itself: another copy may have saved the row since this one looked.
      if (agreeing.columns.length === 0) return update
      return update.where((eb) => {
        const held = agreeing.columns.map((column) => `${context.name}.${column}`)
        return eb.or([
          eb.and(agreeing.columns.map((column, at) => eb(held[at] ?? '', '=', eb.ref(`excluded.${column}`)))),
          ...held.map((column) => eb(column, 'is', null)),
        ])
      })
    })
    .executeTakeFirst()
  if (agreeing.columns.length > 0 && Number(done.numInsertedOrUpdatedRows ?? 0) < rows.length) {
    await requireAgreement(context, known, db, rows, agreeing)
  }
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
  agreeing: Agreeing,
): Promise<void> {
  const keyOf = (row: Row): Key => rowKey(context, row)
  const found = await selectKeys(context, known, db, rows.map(keyOf), { lock: true })
  if (agreeing.columns.length > 0 && found.size > 0) await requireAgreement(context, known, db, rows, agreeing)
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

/** @throws PartHeldError */
async function requireAgreement(
  context: TableContext,
  { key }: KnownTable,
  db: Kysely<AnyTables>,
  rows: readonly Row[],
  { within }: Agreeing,
): Promise<void> {
  const parentOf = (row: Row): readonly KeyPart[] => within.map((column) => row[column] as KeyPart)
  const wanted = new Map(rows.map((row) => [keyText(rowKey(context, row)), keyText(parentOf(row))]))
  const keys = rows.map((row) => rowKey(context, row))
  const holders: Key[] = []
  for (const some of chunks(key.bind(keys), keysAtOnce(context))) {
    const query = db.selectFrom(context.name).select([...new Set([...context.key, ...within])])
    for (const row of await query.where(key.isIn(some)).execute()) {
      const parent = parentOf(row)
      // A row without a key of a record is nobody's.
      if (parent.some((part) => part === null)) continue
      if (wanted.get(keyText(rowKey(context, row))) !== keyText(parent)) holders.push(parent)
    }
  }
  if (holders.length > 0) throw new PartHeldError(context.name, holders)
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
  { name, key, database }: TableContext,
  { columns }: KnownTable,
  db: Kysely<AnyTables>,
  rows: readonly Row[],
): InsertQueryBuilder<AnyTables, string, InsertResult> {
  // A key that is `generated always` takes a copied value only when told so, in words that Kysely does not have.
  const insists = key.some((column) => columns.get(column)?.insist)
  const overriding = insists ? sql`overriding system value ` : sql``
  const named = Object.keys(rows[0] ?? {})
  const facts = named.map((column) => columns.get(column) ?? { type: '' })
  const arrays = database.dialect.rowsAsArrays?.(rows, facts, named)
  if (arrays !== undefined) return db.insertInto(name).columns(named).expression(sql`${overriding}${arrays}`)
  if (!insists) return db.insertInto(name).values(rows as never)
  const tuples = rows.map((row) => sql`(${sql.join(named.map((column) => row[column]))})`)
  return db
    .insertInto(name)
    .columns(named)
    .expression(sql`${overriding}values ${sql.join(tuples)}`)
}
