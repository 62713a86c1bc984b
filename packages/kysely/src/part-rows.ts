import { InvalidOptionError, type Key, keyText, type StoreOptions } from '@twinspan/core'
import type { Kysely } from 'kysely'
import { chunks } from './chunks.ts'
import type { AnyTables } from './database.ts'
import { movableColumns, vacate } from './make-room.ts'
import type { Part } from './parts.ts'
import { rowKey } from './rows.ts'
import { saveRows } from './save.ts'
import { keysAtOnce } from './select-keys.ts'
import { selectRows } from './table-context.ts'

type Row = Record<string, unknown>

/** The rows of one part that a record is to have, each with the record's key in it. */
export interface Wanted {
  readonly parent: Key
  readonly rows: readonly Row[]
}

/** The record's own columns, without its parts. */
export function bare(parts: readonly Part[], row: object): Row {
  const names = parts.map(({ name }) => name)
  return Object.fromEntries(Object.entries(row).filter(([column]) => !names.includes(column)))
}

/** What records say about a part. A record that does not name the part leaves it as it is. */
export function wantedOf(
  { name, byParent }: Part,
  records: readonly object[],
  keyOf: (record: object) => Key,
): readonly Wanted[] {
  return records.flatMap((record) => {
    const rows = (record as Row)[name]
    if (rows === undefined) return []
    if (!Array.isArray(rows)) {
      // Not the value itself: it may be somebody's data.
      const got = rows === null ? null : `a ${typeof rows}`
      throw new InvalidOptionError(name, got, 'an array of rows', `a record of "${byParent.name}"`)
    }
    const parent = keyOf(record)
    const tuple = Array.isArray(parent) ? (parent as readonly unknown[]) : [parent]
    const columns = Object.fromEntries(byParent.key.map((column, index) => [column, tuple[index]]))
    return [{ parent, rows: rows.map((row: object) => ({ ...row, ...columns })) }]
  })
}

/** The rows of these records' part, by the record's `keyText`, in the order of the part's key. */
export async function loadPart(
  { rows, byParent }: Part,
  parents: readonly Key[],
  options?: StoreOptions,
): Promise<ReadonlyMap<string, readonly Row[]>> {
  const known = await byParent.known(options)
  const { key } = await rows.known(options)
  const found = new Map<string, Row[]>()
  for (const some of chunks(known.key.bind(parents), keysAtOnce(byParent))) {
    let query = selectRows(byParent.connection(options).selectFrom(byParent.name).where(known.key.isIn(some)), known)
    for (const column of key.order) query = query.orderBy(column)
    for (const row of await query.execute(options?.signal === undefined ? undefined : { signal: options.signal })) {
      const parent = keyText(rowKey(byParent, row))
      const others = found.get(parent) ?? []
      found.set(parent, others)
      // The record's key stands in the record.
      others.push(Object.fromEntries(Object.entries(row).filter(([column]) => !byParent.key.includes(column))))
    }
  }
  return found
}

/**
 * Removes the rows that these records no longer have, and moves the unique values of those that change out of the way, so
 * that the rest can be saved whatever moved between them.
 */
export async function clearPart(
  { rows, byParent }: Part,
  wanted: readonly Wanted[],
  db: Kysely<AnyTables>,
): Promise<void> {
  const options = { transaction: db }
  const known = await byParent.known(options)
  const knownRows = await rows.known(options)
  const movable = (await movableColumns(rows, knownRows, db)).filter(({ column }) => !byParent.key.includes(column))
  const stay = new Map(wanted.flatMap((one) => one.rows).map((row) => [keyText(rowKey(rows, row)), row]))
  const gone: Key[] = []
  const changing: Key[] = []
  const columns = [...new Set([...rows.key, ...movable.map(({ column }) => column)])]
  for (const some of chunks(known.key.bind(wanted.map(({ parent }) => parent)), keysAtOnce(byParent))) {
    const held = await db
      .selectFrom(byParent.name)
      .select([...new Set([...columns, ...byParent.key])])
      .where(known.key.isIn(some))
      .execute()
    for (const row of held as Row[]) {
      const key = rowKey(rows, row)
      const next = stay.get(keyText(key))
      const parent = keyText(rowKey(byParent, row))
      if (next === undefined || keyText(rowKey(byParent, next)) !== parent) gone.push(key)
      else if (movable.some(({ column }) => next[column] !== undefined && !alike(next[column], row[column]))) {
        changing.push(key)
      }
    }
  }
  for (const some of chunks(knownRows.key.bind(gone), keysAtOnce(rows))) {
    await db.deleteFrom(rows.name).where(knownRows.key.isIn(some)).execute()
  }
  await vacate(rows, knownRows, db, changing, movable)
}

/** Saves what `clearPart` has made room for. */
export async function savePart(
  { rows, byParent }: Part,
  wanted: readonly Wanted[],
  db: Kysely<AnyTables>,
): Promise<void> {
  await saveRows(
    rows,
    wanted.flatMap((one) => one.rows),
    { transaction: db },
    byParent.key,
  )
}

export async function removeParts(
  parts: readonly Part[],
  parents: readonly Key[],
  db: Kysely<AnyTables>,
): Promise<void> {
  for (const { byParent } of parts.toReversed()) {
    const { key } = await byParent.known({ transaction: db })
    for (const some of chunks(key.bind(parents), keysAtOnce(byParent))) {
      await db.deleteFrom(byParent.name).where(key.isIn(some)).execute()
    }
  }
}

// What looks different and is not costs a statement too many.
function alike(a: unknown, b: unknown): boolean {
  return a === b || String(a) === String(b)
}
