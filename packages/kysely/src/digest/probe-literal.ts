import type { CanonicalForm } from '@twinspan/core'
import { type RawBuilder, sql } from 'kysely'
import type { ColumnFacts } from '../catalog.ts'
import { baseType } from './forms.ts'

/** A probe's text, or NULL, as a value of the column's type. */
export function probeLiteral(
  engine: 'postgres' | 'mysql' | 'sqlite',
  form: CanonicalForm,
  facts: ColumnFacts,
  given: string | null,
): RawBuilder<unknown> {
  if (engine === 'postgres') return postgresLiteral(facts, given)
  if (given === null) return sql`null`
  return engine === 'mysql' ? mysqlLiteral(form, facts, given) : sqliteLiteral(form, facts, given)
}

function postgresLiteral({ type }: ColumnFacts, given: string | null): RawBuilder<unknown> {
  const as = sql.raw(type)
  if (given === null) return sql`cast(null as ${as})`
  const base = baseType(type)
  const text = base === 'bytea' ? `\\x${given}` : base.endsWith('with time zone') ? `${given}+00` : given
  return sql`cast(${text}::text as ${as})`
}

function mysqlLiteral(form: CanonicalForm, { type, kind }: ColumnFacts, given: string): RawBuilder<unknown> {
  const [base = ''] = baseType(type).split(' ')
  const digits = /\((\d)\)/.exec(type)?.[1] ?? '0'
  // The bytes, because a parameter would be read in the character set of the connection, in which no stored value is.
  const bytes = sql.raw(`x'${Buffer.from(given, 'utf8').toString('hex')}'`)
  const text = sql`convert(${bytes} using utf8mb4)`
  if (base === 'decimal') return sql`cast(${text} as ${sql.raw(type.replace(/ .*$/, ''))})`
  if (kind === 'integer' || base === 'year' || base === 'bit') {
    return given.startsWith('-') ? sql`cast(${text} as signed)` : sql`cast(${text} as unsigned)`
  }
  if (base === 'float' || base === 'double') return sql`cast(${text} as ${sql.raw(base)})`
  if (base === 'date') return sql`cast(${text} as date)`
  if (base === 'time') return sql`cast(${text} as time(${sql.raw(digits)}))`
  if (base === 'datetime') return sql`cast(${text} as datetime(${sql.raw(digits)}))`
  // As a column of this type shows itself.
  if (base === 'timestamp') {
    return sql`convert_tz(cast(${text} as datetime(${sql.raw(digits)})), '+00:00', @@session.time_zone)`
  }
  if (base === 'uuid') return sql`cast(${text} as uuid)`
  if (form === 'bytes') return sql.raw(`x'${given}'`)
  if (form === 'uuid' && base === 'binary') return sql.raw(`x'${given.replaceAll('-', '')}'`)
  return text
}

function sqliteLiteral(form: CanonicalForm, { type }: ColumnFacts, given: string): RawBuilder<unknown> {
  if (form === 'bytes') return sql.raw(`x'${given}'`)
  if (form === 'integer') return sql`cast(${given} as integer)`
  if (form === 'decimal') return /int/i.test(type) ? sql`cast(${given} as integer)` : sql`cast(${given} as numeric)`
  return form === 'double' ? sql`cast(${given} as real)` : sql`${given}`
}
