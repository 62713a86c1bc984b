import { type RawBuilder, sql } from 'kysely'
import type { ColumnFacts } from '../catalog.ts'
import { baseType, type Forms, formsOf, NO_FORMS, type Write } from './forms.ts'
import type { Field } from './row-text.ts'

const asText: Write = (column) => sql`${column}::text`
const lower: Write = (column) => sql`lower(${column}::text)`

/** By type alone. What depends on the session is checked by the statement. */
const FORMS: Readonly<Record<string, Forms>> = {
  smallint: formsOf(['integer', asText], ['decimal', asText]),
  integer: formsOf(['integer', asText], ['decimal', asText]),
  bigint: formsOf(['integer', asText], ['decimal', asText]),
  boolean: formsOf(['integer', (column) => sql`${column}::int::text`]),
  numeric: formsOf(['decimal', (column) => sql`trim_scale(${column})::text`]),
  'double precision': formsOf(['double', shortest]),
  real: formsOf(['double', (column) => shortest(sql`${column}::double precision`)]),
  text: formsOf(['text', asText], ['uuid', lower]),
  'character varying': formsOf(['text', asText], ['uuid', lower]),
  character: formsOf(['text', asText], ['uuid', lower]),
  name: formsOf(['text', asText]),
  citext: formsOf(['text', asText]),
  uuid: formsOf(['uuid', asText]),
  bytea: formsOf(['bytes', (column) => sql`encode(${column}, 'hex')`]),
  date: formsOf(['date', asText]),
  'time without time zone': formsOf(['time', asText]),
  'timestamp without time zone': formsOf(['datetime', asText], ['instant', asText]),
  'timestamp with time zone': formsOf(['instant', (column) => sql`(${column} at time zone interval '0')::text`]),
}

export function postgresForms({ type }: ColumnFacts): Forms {
  return FORMS[baseType(type)] ?? NO_FORMS
}

/** Types whose values `concat_ws` writes as a cast to text does, for less. */
const AS_THEY_ARE =
  /^(smallint|integer|bigint|numeric|text|character varying|uuid|date|time(stamp)? without time zone)$/

/** A field as a digest takes it: as its form, without what costs and changes no byte. */
export function postgresField({ name, form, facts, scale, bits }: Field): RawBuilder<unknown> {
  const column = sql`${sql.ref(name)}`
  const base = baseType(facts.type)
  if (base === 'numeric') return form === 'decimal' && scale === undefined ? sql`trim_scale(${column})` : column
  if (form !== 'uuid' && AS_THEY_ARE.test(base)) return column
  if (base === 'timestamp with time zone') return sql`${column} at time zone interval '0'`
  if (base === 'boolean') return sql`${column}::int`
  if (form === 'double' && bits === true) return sql`encode(float8send(${column}::double precision + 0), 'hex')`
  return postgresForms(facts).get(form)?.(column) ?? sql``
}

/**
 * All engines write the shortest digits; MySQL's exponents begin later. Minus zero and zero are equal, and would be written in
 * two ways.
 */
function shortest(column: RawBuilder<unknown>): RawBuilder<unknown> {
  const size = sql`abs(${column})`
  const spelledOut = sql`${column}::text::numeric::text`
  return sql`case when ${size} >= float8 '1e-4' and ${size} < float8 '1e15' then ${column}::text
    when ${size} >= float8 '1e-15' and ${size} < float8 '1e-4' then ${spelledOut}
    when ${size} >= float8 '1e15' and ${size} < float8 '1e16' and ${column} <> trunc(${column}) then ${spelledOut}
    else replace((${column} + 0)::text, 'e+', 'e') end`
}
