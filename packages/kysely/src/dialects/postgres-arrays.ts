import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { ColumnFacts } from '../catalog.ts'

/**
 * The element type under which values of a column travel in an array. Without length or precision, which a cast would apply
 * silently: what does not fit is refused by the column itself. Types that are not listed travel as parameters of their own.
 */
const ELEMENTS: Readonly<Record<string, string>> = {
  smallint: 'smallint',
  integer: 'integer',
  bigint: 'bigint',
  boolean: 'boolean',
  text: 'text',
  'character varying': 'text',
  numeric: 'numeric',
  real: 'real',
  'double precision': 'double precision',
  uuid: 'uuid',
  date: 'date',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
  json: 'json',
  jsonb: 'jsonb',
  bytea: 'bytea',
}

/** Comparing as another type than the column's own would pass its index by, or compare otherwise. */
const COMPARABLE = new Set(['smallint', 'integer', 'bigint', 'text', 'uuid'])

function elementOf({ type }: Pick<ColumnFacts, 'type'>): string | undefined {
  return ELEMENTS[type.replace(/\(\d+(,\d+)?\)/, '')]
}

/** `column in (...)` with one parameter, however many values there are; `undefined` where the type does not allow it. */
export function amongArray(
  column: RawBuilder<unknown>,
  values: readonly unknown[],
  facts: Pick<ColumnFacts, 'type'>,
): RawBuilder<SqlBool> | undefined {
  const element = elementOf(facts)
  if (element === undefined || !COMPARABLE.has(element)) return undefined
  return sql<SqlBool>`${column} = any(${values}::${sql.raw(element)}[])`
}

/** Rows as one array per column; `undefined` where a column or a value does not travel so. */
export function rowsAsArrays(
  rows: readonly Readonly<Record<string, unknown>>[],
  columns: readonly Pick<ColumnFacts, 'type'>[],
  names: readonly string[],
): RawBuilder<unknown> | undefined {
  const arrays: RawBuilder<unknown>[] = []
  for (const [index, facts] of columns.entries()) {
    const element = elementOf(facts)
    const values = rows.map((row) => row[names[index] ?? ''])
    // An array in an array would be a dimension of it.
    if (element === undefined || values.some(Array.isArray)) return undefined
    arrays.push(sql`${values}::${sql.raw(element)}[]`)
  }
  return sql`select * from unnest(${sql.join(arrays)})`
}
