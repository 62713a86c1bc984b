import { InvalidKeyError, type Key, keyText, UnknownColumnError } from '@twinspan/core'
import type { KnownTable, TableContext } from './table-context.ts'

/** Rows that set the same columns, encoded for the driver, the last one of each key. */
export interface RowGroup {
  readonly columns: readonly string[]
  readonly rows: readonly Record<string, unknown>[]
}

/** The key of a row, one value or a tuple. */
export function rowKey({ name, key, keyOf }: TableContext, row: object): Key {
  const parts = keyOf(row)
  if (parts.some((part) => part === null || part === undefined)) throw new InvalidKeyError(parts[0], `table "${name}"`)
  return (key.length === 1 ? parts[0] : parts) as Key
}

/** What is `undefined` is not named: the column keeps its value. */
export function groupRows(context: TableContext, known: KnownTable, rows: readonly object[]): readonly RowGroup[] {
  const groups = new Map<string, { columns: readonly string[]; rows: Map<string, Record<string, unknown>> }>()
  for (const row of rows) {
    const encoded = encodeRow(context, known, row)
    const columns = Object.keys(encoded).sort()
    const name = JSON.stringify(columns)
    const group = groups.get(name) ?? { columns, rows: new Map() }
    groups.set(name, group)
    const text = keyText(rowKey(context, row))
    group.rows.delete(text)
    group.rows.set(text, encoded)
  }
  return [...groups.values()].map((group) => ({ columns: group.columns, rows: [...group.rows.values()] }))
}

function encodeRow({ name, database }: TableContext, { columns }: KnownTable, row: object): Record<string, unknown> {
  const encoded: Record<string, unknown> = {}
  for (const [column, value] of Object.entries(row)) {
    if (value === undefined) continue
    const facts = columns.get(column)
    if (facts === undefined) throw new UnknownColumnError(name, column, [...columns.keys()])
    // A generated column makes its own value of what is copied.
    if (facts.writable) encoded[column] = database.dialect.encode(value, facts, name)
  }
  return encoded
}

/** How many rows of so many columns fit into a statement. */
export function rowsAtOnce({ database }: TableContext, columns: number): number {
  return Math.min(1_000, database.dialect.maxParameters / Math.max(1, columns))
}
