import { InvalidKeyError, type Key, keyText, UnknownColumnError } from '@twinspan/core'
import type { ColumnFacts } from './catalog.ts'
import type { KnownTable, TableContext } from './table-context.ts'

/** Rows that set the same columns, encoded for the driver, the last one of each key. */
export interface RowGroup {
  readonly columns: readonly string[]
  readonly rows: readonly Record<string, unknown>[]
  /** Of each row. */
  readonly keys: readonly Key[]
}

/** The key of a row, one value or a tuple. */
export function rowKey({ name, key, keyOf }: TableContext, row: object): Key {
  const [only] = key
  if (key.length === 1 && only !== undefined) {
    const part = (row as Record<string, unknown>)[only]
    if (part === null || part === undefined) throw new InvalidKeyError(part, `table "${name}"`)
    return part as Key
  }
  const parts = keyOf(row)
  if (parts.some((part) => part === null || part === undefined)) throw new InvalidKeyError(parts[0], `table "${name}"`)
  return parts as Key
}

interface Group {
  readonly columns: readonly string[]
  readonly written: readonly (readonly [string, ColumnFacts])[]
  readonly rows: Map<string, { readonly key: Key; readonly row: Record<string, unknown> }>
}

/** What is `undefined` is not named: the column keeps its value. */
export function groupRows(context: TableContext, known: KnownTable, rows: readonly object[]): readonly RowGroup[] {
  const groups = new Map<string, Group>()
  // Rows of one table name their columns in one order, as a rule.
  const bySpelling = new Map<string, Group>()
  const { dialect } = context.database
  for (const row of rows as readonly Record<string, unknown>[]) {
    let names = Object.keys(row)
    if (names.some((name) => row[name] === undefined)) names = names.filter((name) => row[name] !== undefined)
    const spelling = names.join('\0')
    let group = bySpelling.get(spelling)
    if (group === undefined) {
      group = groupOf(context, known, names, groups)
      bySpelling.set(spelling, group)
    }
    const encoded: Record<string, unknown> = {}
    for (const [column, facts] of group.written) encoded[column] = dialect.encode(row[column], facts, context.name)
    const key = rowKey(context, row)
    const text = keyText(key)
    group.rows.delete(text)
    group.rows.set(text, { key, row: encoded })
  }
  return [...groups.values()].map(({ columns, rows: made }) => {
    const last = [...made.values()]
    return { columns, rows: last.map(({ row }) => row), keys: last.map(({ key }) => key) }
  })
}

function groupOf(
  { name }: TableContext,
  { columns }: KnownTable,
  names: readonly string[],
  groups: Map<string, Group>,
): Group {
  const written: (readonly [string, ColumnFacts])[] = []
  for (const column of names) {
    const facts = columns.get(column)
    if (facts === undefined) throw new UnknownColumnError(name, column, [...columns.keys()])
    // A generated column makes its own value of what is copied.
    if (facts.writable) written.push([column, facts])
  }
  const sorted = written.map(([column]) => column).sort()
  const id = JSON.stringify(sorted)
  const group = groups.get(id) ?? { columns: sorted, written, rows: new Map() }
  groups.set(id, group)
  return group
}

/** How many rows of so many columns fit into a statement. */
export function rowsAtOnce({ database: { dialect } }: TableContext, columns: number): number {
  // Where rows travel as arrays, their number is not that of the parameters. Those that do not are sent fewer at once.
  const most = dialect.rowsAsArrays === undefined ? 1_000 : 5_000
  return Math.min(most, dialect.maxParameters / Math.max(1, columns))
}
