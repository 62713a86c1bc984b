import { type Expression, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import type { AnyTables } from '../database.ts'
import { bitsOf } from './bits.ts'
import type { DigestEngine } from './engine.ts'
import { type Field, rowText } from './row-text.ts'
import { sqliteForms } from './sqlite-forms.ts'

/** SQLite has no hash function, and its drivers hand rows over without a journey: both texts and digests are made here. */
export const sqliteDigest: DigestEngine = {
  forms: (facts) => [...sqliteForms(facts).keys()],

  async texts({ db, table, probe, order, fields }, { where, limit, offset }) {
    let query = (probe === undefined ? db.selectFrom(table) : db.selectFrom(probe.as('probe'))).where(where)
    for (const column of order) query = query.orderBy(column)
    const rows = await readSqliteValues(query.limit(limit).offset(offset), fields)
    return rows.map(({ values }) => rowText(fields, values))
  },
}

interface ReadRow {
  readonly row: Readonly<Record<string, unknown>>
  /** In the order of the fields. */
  readonly values: readonly (string | null)[]
}

/** The values of these fields in their forms, and whatever else the query selects. */
export async function readSqliteValues<O>(
  query: SelectQueryBuilder<AnyTables, string, O>,
  fields: readonly Field[],
): Promise<readonly ReadRow[]> {
  const read = (select: (field: Field) => RawBuilder<unknown>) =>
    query.select(fields.map((field, at) => select(field).as(`w${at}`))).execute() as Promise<
      readonly Readonly<Record<string, unknown>>[]
    >
  const rows = await read(asHeld)
  const isDoubtful = (row: Readonly<Record<string, unknown>>): boolean =>
    fields.some(({ form }, at) => form === 'text' && String(row[`w${at}`]).includes('\ufffd'))
  const exact = rows.some(isDoubtful) ? await read(asBytes) : rows
  return exact.map((row) => ({ row, values: fields.map((field, at) => written(field, row[`w${at}`] ?? null)) }))
}

function asHeld({ name, form }: Field): RawBuilder<unknown> {
  const column = sql.ref(name)
  if (form !== 'integer' && form !== 'decimal') return sql`${column}`
  // A driver's numbers are exact up to 2^53 only.
  return sql`case typeof(${column}) when 'integer' then cast(${column} as text) else ${column} end`
}

/** What is no UTF-8 becomes one and the same character on its way, whatever it was. */
function asBytes(field: Field): RawBuilder<unknown> {
  const column: Expression<unknown> = sql.ref(field.name)
  if (field.form !== 'text') return asHeld(field)
  return sql`case typeof(${column}) when 'text' then cast(${column} as blob) else ${column} end`
}

function written({ form, facts, bits }: Field, value: unknown): string | null {
  if (value === null) return null
  if (form === 'text') return ArrayBuffer.isView(value) ? textOf(value) : `${value as string | number | bigint}`
  // A column holds what it is given, whatever its type: text with separators in it, too.
  if (bits === true && typeof value === 'number') return bitsOf(value)
  const text = sqliteForms(facts).get(form)?.(value) ?? null
  const visible =
    text?.replace(/\p{Cc}/gu, (char) => `\u001a${char.charCodeAt(0).toString(16).padStart(2, '0')}`) ?? null
  // No other value may look like the bits of a double.
  return bits === true && visible !== null ? `=${visible}` : visible
}

function textOf(value: ArrayBufferView): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? text : `\0\u001a${bytes.toString('hex')}`
}
