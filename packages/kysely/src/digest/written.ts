import {
  type DigestColumn,
  type Key,
  type KeyRange,
  type StoreOptions,
  UnknownColumnError,
  type WrittenRow,
} from '@twinspan/core'
import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import { chunks } from '../chunks.ts'
import type { AnyTables } from '../database.ts'
import { rowKey } from '../rows.ts'
import { keysAtOnce } from '../select-keys.ts'
import type { KnownTable, TableContext } from '../table-context.ts'
import { mysqlForms } from './mysql-forms.ts'
import { postgresForms } from './postgres-forms.ts'
import type { Field } from './row-text.ts'
import { readSqliteValues } from './sqlite-digest.ts'
import { within } from './within.ts'

/** The columns with what the catalog says of them. */
export function fieldsOf({ name }: TableContext, { columns }: KnownTable, wanted: readonly DigestColumn[]): Field[] {
  return wanted.map((column) => {
    const facts = columns.get(column.name)
    if (facts === undefined) throw new UnknownColumnError(name, column.name, [...columns.keys()])
    return { ...column, facts }
  })
}

/** Rows of these keys, or of a stretch, with the values of some columns in their forms. */
export async function readWritten(
  context: TableContext,
  rows: readonly Key[] | KeyRange,
  columns: readonly DigestColumn[],
  options?: StoreOptions,
): Promise<readonly WrittenRow[]> {
  const known = await context.known(options)
  const fields = fieldsOf(context, known, columns).map(inForm)
  const all = context
    .connection(options)
    .selectFrom(context.name)
    .select([...context.key])
  if (!isKeys(rows)) {
    let query = all.where(within(known, rows)).limit(rows.limit)
    for (const column of known.key.order) query = query.orderBy(column)
    return readRows(context, query, fields)
  }
  const found: WrittenRow[] = []
  for (const some of chunks(known.key.bind(rows), keysAtOnce(context))) {
    found.push(...(await readRows(context, all.where(known.key.isIn(some)), fields)))
  }
  return found
}

/** A field in its form, and not as a digest alone takes it. */
export function inForm({ bits: _, ...field }: Field): Field {
  return field
}

function isKeys(rows: readonly Key[] | KeyRange): rows is readonly Key[] {
  return Array.isArray(rows)
}

async function readRows<O>(
  context: TableContext,
  query: SelectQueryBuilder<AnyTables, string, O>,
  fields: readonly Field[],
): Promise<readonly WrittenRow[]> {
  const { engine } = context.database.dialect
  if (engine === 'sqlite') {
    const rows = await readSqliteValues(query, fields)
    return rows.map(({ row, values }) => ({ key: rowKey(context, row), values }))
  }
  const rows = (await query
    .select(fields.map((field, at) => writtenField(engine, field).as(`w${at}`)))
    .execute()) as readonly Readonly<Record<string, string | null>>[]
  return rows.map((row) => ({ key: rowKey(context, row), values: fields.map((_, at) => row[`w${at}`] ?? null) }))
}

/** A field as a digest takes it, as text. */
export function writtenField(engine: 'postgres' | 'mysql', { name, form, facts }: Field): RawBuilder<string | null> {
  const forms = engine === 'postgres' ? postgresForms(facts) : mysqlForms(facts)
  const value = forms.get(form)?.(sql.ref(name)) ?? sql`null`
  // As in a digest: MySQL makes text of a number where text is wanted, and hands a driver the number otherwise.
  return engine === 'postgres' ? sql`${value}` : sql`concat(${value})`
}
