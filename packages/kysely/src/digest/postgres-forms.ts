import { sql } from 'kysely'
import type { ColumnFacts } from '../catalog.ts'
import { baseType, type Forms, formsOf, NO_FORMS, type Write } from './forms.ts'

const asText: Write = (column) => sql`${column}::text`
const lower: Write = (column) => sql`lower(${column}::text)`

/** By type alone. What depends on the session is checked by the statement. */
const FORMS: Readonly<Record<string, Forms>> = {
  smallint: formsOf(['integer', asText], ['decimal', asText]),
  integer: formsOf(['integer', asText], ['decimal', asText]),
  bigint: formsOf(['integer', asText], ['decimal', asText]),
  boolean: formsOf(['integer', (column) => sql`${column}::int::text`]),
  numeric: formsOf(['decimal', (column) => sql`trim_scale(${column})::text`]),
  // Both engines write the shortest digits; of the exponents only the small ones look different.
  'double precision': formsOf(['double', (column) => sql`replace(${column}::text, 'e+', 'e')`]),
  real: formsOf(['double', (column) => sql`replace(${column}::double precision::text, 'e+', 'e')`]),
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
  'timestamp with time zone': formsOf(['instant', (column) => sql`(${column} at time zone 'UTC')::text`]),
}

export function postgresForms({ type }: ColumnFacts): Forms {
  return FORMS[baseType(type)] ?? NO_FORMS
}
