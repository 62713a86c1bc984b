import { type InsertOutcome, type Key, keyText, type StoreOptions } from '@twinspan/core'
import type { InsertQueryBuilder, InsertResult, Kysely } from 'kysely'
import { chunks } from './chunks.ts'
import type { AnyTables } from './database.ts'
import { groupRows, rowKey, rowsAtOnce } from './rows.ts'
import { insertInto } from './save.ts'
import { selectKeys } from './select-keys.ts'
import { type KnownTable, requireUniqueKey, type TableContext } from './table-context.ts'

type Row = Record<string, unknown>

/** What became of rows that were to be inserted where their key was absent. */
export interface Absent {
  /** `keyText`s of the rows that were inserted. */
  readonly added: ReadonlySet<string>
  /** Keys that are absent still, because another row holds one of their unique values. */
  readonly conflicts: readonly Key[]
}

/** Inserts the rows whose key is absent. A row that another unique value keeps out is reported and costs no other row. */
export async function insertMissingRows(
  context: TableContext,
  rows: readonly object[],
  options?: StoreOptions,
): Promise<InsertOutcome> {
  if (rows.length === 0) return { inserted: 0, conflicts: [] }
  const work = (db: Kysely<AnyTables>): Promise<InsertOutcome> => insertMissingIn(context, rows, db)
  return options?.transaction === undefined
    ? context.database.app.transaction().execute(work)
    : work(context.connection(options))
}

async function insertMissingIn(
  context: TableContext,
  rows: readonly object[],
  db: Kysely<AnyTables>,
): Promise<InsertOutcome> {
  if (!context.database.dialect.onConflict) {
    const { added, conflicts } = await insertAbsentRows(context, rows, { transaction: db })
    return { inserted: added.size, conflicts }
  }
  const known = await context.known({ transaction: db })
  requireUniqueKey(context, known)
  let inserted = 0
  const conflicts: Key[] = []
  for (const group of groupRows(context, known, rows)) {
    const step = rowsAtOnce(context, group.columns.length)
    const keys = chunks(group.keys, step)
    for (const some of chunks(group.rows, step)) {
      const theirs = keys.next().value ?? []
      const done = await ignoringConflicts(context, known, db, some).executeTakeFirst()
      const count = Number(done.numInsertedOrUpdatedRows ?? 0)
      inserted += count
      // Which of them were not inserted need not be told where all were.
      if (count < some.length) conflicts.push(...(await absentOf(context, known, db, theirs)))
    }
  }
  return { inserted, conflicts }
}

/** The same within the caller's transaction, which is required. */
export async function insertAbsentRows(
  context: TableContext,
  rows: readonly object[],
  options: StoreOptions,
): Promise<Absent> {
  const known = await context.known(options)
  requireUniqueKey(context, known)
  const db = context.connection(options)
  const insert = context.database.dialect.onConflict ? insertOnConflict : insertAbsent
  const added = new Set<string>()
  const conflicts: Key[] = []
  for (const group of groupRows(context, known, rows)) {
    for (const some of chunks(group.rows, rowsAtOnce(context, group.columns.length))) {
      for (const text of await insert(context, known, db, some)) added.add(text)
      const left = some.map((row) => rowKey(context, row)).filter((key) => !added.has(keyText(key)))
      if (left.length > 0) conflicts.push(...(await absentOf(context, known, db, left)))
    }
  }
  return { added, conflicts }
}

async function absentOf(
  context: TableContext,
  known: KnownTable,
  db: Kysely<AnyTables>,
  keys: readonly Key[],
): Promise<readonly Key[]> {
  const present = await selectKeys(context, known, db, keys)
  return keys.filter((key) => !present.has(keyText(key)))
}

// Without a target, the clause lets every unique key keep a row out, and fails on nothing else than that.
function ignoringConflicts(
  context: TableContext,
  known: KnownTable,
  db: Kysely<AnyTables>,
  rows: readonly Row[],
): InsertQueryBuilder<AnyTables, string, InsertResult> {
  return insertInto(context, known, db, rows).onConflict((conflict) => conflict.doNothing())
}

async function insertOnConflict(
  context: TableContext,
  known: KnownTable,
  db: Kysely<AnyTables>,
  rows: readonly Row[],
): Promise<ReadonlySet<string>> {
  const added = await ignoringConflicts(context, known, db, rows)
    .returning([...context.key])
    .execute()
  return new Set(added.map((row) => keyText(rowKey(context, row))))
}

// `insert ignore` would also ignore truncation and missing values.
async function insertAbsent(
  context: TableContext,
  known: KnownTable,
  db: Kysely<AnyTables>,
  rows: readonly Row[],
): Promise<ReadonlySet<string>> {
  const texts = (some: readonly Row[]): string[] => some.map((row) => keyText(rowKey(context, row)))
  const present = await selectKeys(
    context,
    known,
    db,
    rows.map((row) => rowKey(context, row)),
  )
  const absent = rows.filter((row) => !present.has(keyText(rowKey(context, row))))
  const added = new Set<string>()
  const pending: (readonly Row[])[] = absent.length === 0 ? [] : [absent]
  for (let some = pending.pop(); some !== undefined; some = pending.pop()) {
    try {
      // A statement that fails takes back only itself, so that halves find out whose value collides.
      await insertInto(context, known, db, some).execute()
      for (const text of texts(some)) added.add(text)
    } catch (error) {
      if (context.database.dialect.trouble(error) !== 'unique') throw error
      if (some.length > 1) pending.push(some.slice(some.length / 2), some.slice(0, some.length / 2))
    }
  }
  return added
}
