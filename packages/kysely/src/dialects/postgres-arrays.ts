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

export function elementOf({ type }: Pick<ColumnFacts, 'type'>): string | undefined {
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
    const text = arrayText(values, element)
    arrays.push(text === undefined ? sql`${values}::${sql.raw(element)}[]` : sql`${text}::text::${sql.raw(element)}[]`)
  }
  return sql`select * from unnest(${sql.join(arrays)})`
}

/**
 * An array as PostgreSQL reads it, of values that have one spelling whatever the driver; `undefined` where one of them is the
 * driver's business. Made here because it costs a fraction of what a driver takes for it.
 */
function arrayText(values: readonly unknown[], element: string): string | undefined {
  let text = ''
  for (const value of values) {
    const spelled = spell(value, element)
    if (spelled === undefined) return undefined
    text = text === '' ? spelled : `${text},${spelled}`
  }
  return `{${text}}`
}

function spell(value: unknown, element: string): string | undefined {
  switch (typeof value) {
    case 'string':
      return SPECIAL.test(value) ? `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${value}"`
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'object':
      if (value === null) return 'NULL'
      // A time without a zone is spelled in the zone of the process, or as the driver was told to.
      return value instanceof Date && element === 'timestamptz' ? spellDate(value) : undefined
    default:
      return undefined
  }
}

const SPECIAL = /["\\]/

/** Years that ISO 8601 spells as PostgreSQL reads them: four digits, and nobody's era in doubt. */
const FIRST = Date.UTC(100, 0, 1)
const LAST = Date.UTC(9999, 11, 31)

function spellDate(date: Date): string | undefined {
  const at = date.getTime()
  return at >= FIRST && at <= LAST ? date.toISOString() : undefined
}
