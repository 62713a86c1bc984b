import { type RawBuilder, sql } from 'kysely'
import type { ColumnFacts } from '../catalog.ts'
import { baseType, type Forms, formsOf, NO_FORMS, type Write } from './forms.ts'

const asIs: Write = (column) => column
const unicode: Write = (column) => sql`convert(${column} using utf8mb4)`
const lower: Write = (column) => sql`lower(convert(${column} using utf8mb4))`
const hex: Write = (column) => sql`lower(hex(${column}))`
const integer = formsOf(['integer', asIs], ['decimal', asIs])
const number: Write = (column) => sql`${column} + 0`
const text = formsOf(['text', unicode], ['uuid', lower])
const bytes = formsOf(['bytes', hex])

const FORMS: Readonly<Record<string, Forms>> = {
  tinyint: integer,
  smallint: integer,
  mediumint: integer,
  int: integer,
  bigint: integer,
  year: integer,
  bit: formsOf(['integer', number]),
  // A FLOAT is written with six digits, which are not enough to tell its values apart.
  float: formsOf(['double', (column) => sql`cast(${column} as double)`]),
  double: formsOf(['double', asIs]),
  char: text,
  varchar: text,
  tinytext: text,
  text,
  mediumtext: text,
  longtext: text,
  enum: text,
  set: text,
  uuid: formsOf(['uuid', (column) => sql`lower(${column})`]),
  binary: formsOf(['bytes', hex], ['uuid', dashed]),
  varbinary: bytes,
  tinyblob: bytes,
  blob: bytes,
  mediumblob: bytes,
  longblob: bytes,
  date: formsOf(['date', asIs]),
}

export function mysqlForms({ type }: ColumnFacts): Forms {
  // `decimal(10,2) unsigned zerofill`
  const [base = '', ...attributes] = baseType(type).split(' ')
  if (base === 'decimal') return formsOf(['decimal', /,0*[1-9]/.test(type) ? trimmed : number])
  if (attributes.includes('zerofill')) return formsOf(['integer', number], ['decimal', number])
  const fraction = /[1-6]/.test(type) ? trimmed : asIs
  if (base === 'time') return formsOf(['time', fraction])
  if (base === 'datetime') return formsOf(['datetime', fraction], ['instant', fraction])
  if (base === 'timestamp') return formsOf(['instant', (column) => fraction(atUtc(column))])
  return FORMS[base] ?? NO_FORMS
}

function trimmed(column: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`trim(trailing '.' from trim(trailing '0' from ${column}))`
}

/** A `TIMESTAMP` is shown in the session's time zone. */
function atUtc(column: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`if(@@session.time_zone = '+00:00', ${column}, convert_tz(${column}, @@session.time_zone, '+00:00'))`
}

function dashed(column: RawBuilder<unknown>): RawBuilder<unknown> {
  const digits = sql`lower(hex(${column}))`
  return sql`insert(insert(insert(insert(${digits}, 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-')`
}
