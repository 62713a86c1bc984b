import { type RawBuilder, sql } from 'kysely'
import type { ColumnFacts } from '../catalog.ts'
import { baseType, type Forms, formsOf, NO_FORMS, type Write } from './forms.ts'
import type { Field } from './row-text.ts'

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
  // `0000` is a year.
  year: formsOf(['integer', number]),
  bit: formsOf(['integer', number]),
  // A FLOAT is written with six digits, which are not enough to tell its values apart.
  float: formsOf(['double', (column) => sql`cast(${column} as double) + 0e0`]),
  // Minus zero and zero are equal, and written in two ways.
  double: formsOf(['double', (column) => sql`${column} + 0e0`]),
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
  if (base === 'timestamp') return formsOf(['instant', (column) => fraction(atUtc(column, fraction === trimmed))])
  return FORMS[base] ?? NO_FORMS
}

/** A field as a digest takes it: as its form, without what costs and changes no byte. */
export function mysqlField({ name, form, facts, scale, bits }: Field): RawBuilder<unknown> {
  const column = sql.ref(name)
  if (form === 'text' && facts.utf8 === true) return sql`${column}`
  if (form === 'decimal' && scale !== undefined)
    return / zerofill/.test(facts.type) ? number(sql`${column}`) : sql`${column}`
  const value = mysqlForms(facts).get(form)?.(sql`${column}`) ?? sql``
  return form === 'double' && bits === true ? bitsOf(value) : value
}

/** A moment's characters are of `latin1`: in any other character set both would be converted. */
function trimmed(column: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`trim(trailing _latin1'.' from trim(trailing _latin1'0' from ${column}))`
}

/** Only geometry shows a double's bytes, the last one first: those of `x` in a point, behind its spatial reference, byte order and type. */
function bitsOf(double: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`lower(hex(reverse(substr(point(${double}, 0), 10, 8))))`
}

/**
 * A `TIMESTAMP` is shown in the session's time zone, in which two instants may have one name when summer ends. Its seconds are
 * not: but of a zero date, which is the first second of 1970 then.
 */
function atUtc(column: RawBuilder<unknown>, hasFraction: boolean): RawBuilder<unknown> {
  const instant = hasFraction
    ? sql`timestampadd(microsecond, cast(unix_timestamp(${column}) * 1000000 as signed), '1970-01-01 00:00:00.000000')`
    : sql`timestampadd(second, unix_timestamp(${column}), '1970-01-01 00:00:00')`
  return sql`if(@@session.time_zone = '+00:00' or ${column} = 0, ${column}, ${instant})`
}

function dashed(column: RawBuilder<unknown>): RawBuilder<unknown> {
  const digits = sql`lower(hex(${column}))`
  return sql`insert(insert(insert(insert(${digits}, 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-')`
}
