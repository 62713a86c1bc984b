import { randomInt, randomUUID } from 'node:crypto'
import { InvalidOptionError, type Key, type PendingChange, type StoreOptions } from '@twinspan/core'
import type { Kysely } from 'kysely'
import type { ColumnFacts, ContendedColumn } from './catalog.ts'
import { chunks } from './chunks.ts'
import type { AnyTables } from './database.ts'
import { groupRows, rowKey } from './rows.ts'
import { keysAtOnce } from './select-keys.ts'
import type { KnownTable, TableContext } from './table-context.ts'

/** A column that can take another value for the length of a transaction: `null`, or one that no row is likely to have. */
export interface Movable {
  readonly column: string
  /** Absent where the column is nullable. */
  readonly placeholder?: () => unknown
}

/** Moves unique values of existing rows out of the way, within the caller's transaction. */
export async function makeRoom(
  context: TableContext,
  { saved, removed }: PendingChange<object>,
  options: StoreOptions,
): Promise<void> {
  // On its own it would commit the gap that it makes.
  if (options.transaction === undefined) {
    throw new InvalidOptionError('transaction', undefined, 'a transaction', `table "${context.name}"`)
  }
  const known = await context.known(options)
  const db = context.connection(options)
  const movable = await movableColumns(context, known, db)
  for (const { columns, rows } of groupRows(context, known, saved)) {
    const named = movable.filter(({ column }) => columns.includes(column))
    await vacate(
      context,
      known,
      db,
      rows.map((row) => rowKey(context, row)),
      named,
    )
  }
  await vacate(context, known, db, removed, movable)
}

// What the catalog says of a table is asked for once for as long as the table counts as known.
const movables = new WeakMap<KnownTable, readonly Movable[]>()

/** The columns of unique indexes whose values can be moved out of the way. */
export async function movableColumns(
  context: TableContext,
  known: KnownTable,
  db: Kysely<AnyTables>,
): Promise<readonly Movable[]> {
  const found =
    movables.get(known) ??
    movableAmong(context, known, await context.database.dialect.contended(context.database.ownIn(db), known.facts))
  movables.set(known, found)
  return found
}

function movableAmong(
  { key }: TableContext,
  { columns, facts }: KnownTable,
  contended: readonly ContendedColumn[],
): readonly Movable[] {
  const byName = new Map(contended.map((column) => [column.name, column]))
  return [...columns].flatMap(([column, described]): Movable[] => {
    const found = byName.get(described.name)
    if (found === undefined || !described.writable || key.includes(column)) return []
    // What references a row by this column would follow it to the placeholder, or to `null` and stay there.
    if (found.referenced || facts.primaryKey.includes(described.name)) return []
    if (found.nullable) return [{ column }]
    // No row that it could refer to has a placeholder.
    if (found.references) return []
    const placeholder = placeholderFor(described)
    return placeholder === undefined ? [] : [{ column, placeholder }]
  })
}

export async function vacate(
  context: TableContext,
  { key }: KnownTable,
  db: Kysely<AnyTables>,
  keys: readonly Key[],
  movable: readonly Movable[],
): Promise<void> {
  if (movable.length === 0 || keys.length === 0) return
  const alike = movable.every(({ placeholder }) => placeholder === undefined)
  for (const some of chunks(key.bind(keys), alike ? keysAtOnce(context) : 1)) {
    await db
      .updateTable(context.name)
      .set(Object.fromEntries(movable.map(({ column, placeholder }) => [column, placeholder?.() ?? null])))
      .where(key.isIn(some))
      .execute()
  }
}

// Short, so that most columns can hold it. One that cannot makes the transaction fail, and the rows wait as they are.
function placeholderFor({ kind, bits }: ColumnFacts): (() => unknown) | undefined {
  if (kind === 'uuid') return randomUUID
  if (kind === 'text' || kind === 'any') return () => `~${randomUUID().slice(24)}`
  if (kind !== 'integer') return undefined
  // The upper half of what fits: keys and codes grow from below. A random value that is taken fails the transaction.
  const highest = 2 ** ((bits ?? 32) >= 32 ? 31 : 15) - 1
  return () => randomInt((highest + 1) / 2, highest)
}
