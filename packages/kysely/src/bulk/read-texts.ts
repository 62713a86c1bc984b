import type { DigestColumn, Key, StoreOptions, Stretch, TextColumns } from '@twinspan/core'
import { type RawBuilder, sql } from 'kysely'
import { baseType } from '../digest/forms.ts'
import { groupConcatLimit, MOST_BYTES } from '../digest/mysql-digest.ts'
import { mysqlForms } from '../digest/mysql-forms.ts'
import { postgresForms } from '../digest/postgres-forms.ts'
import type { Field } from '../digest/row-text.ts'
import { within } from '../digest/within.ts'
import { fieldsOf } from '../digest/written.ts'
import type { Int64 } from '../own-tables.ts'
import type { TableContext } from '../table-context.ts'

/** Between values, and in place of NULL. */
export const VALUE = '\u001f'
export const NULL = '\u001e'

/** Reads the rows of a stretch as one text per column, put together by the server. */
export async function readTexts(
  context: TableContext,
  engine: 'postgres' | 'mysql',
  stretch: Stretch,
  columns: readonly DigestColumn[],
  options?: StoreOptions,
): Promise<TextColumns | undefined> {
  const known = await context.known(options)
  const fields = fieldsOf(context, known, columns)
  const keyAt = context.key.map((name) => fields.findIndex((field) => field.name === name))
  // One pass over the rows makes all columns, so that their values are in one order, whatever it is.
  const parts = fields.flatMap((field, at) => {
    const value = written(engine, field)
    const text = field.nullable ? sql`coalesce(${value}, ${sql.lit(NULL)})` : value
    return [
      engine === 'postgres'
        ? sql`string_agg(${text}, ${sql.lit(VALUE)}) as ${sql.ref(`c${at}`)}`
        : sql`group_concat(${text} separator ${sql.lit(VALUE)}) as ${sql.ref(`c${at}`)}`,
      ...(mayHoldMarks(field) && field.nullable ? [sql`count(${sql.ref(field.name)}) as ${sql.ref(`n${at}`)}`] : []),
    ]
  })
  if (keyAt.includes(-1)) return undefined
  const from = sql`from ${sql.table(context.name)} where ${within(known, stretch)}`
  const statement =
    engine === 'postgres'
      ? sql<Texts>`select count(*) as counted, ${sql.join(parts)} ${from}`
      : sql<Texts>`${groupConcatLimit} count(*) as counted, least(@@group_concat_max_len, @@max_allowed_packet) as most,
          ${sql.join(parts)} ${from}`
  const { rows } = await statement.execute(context.connection(options))
  const [row] = rows
  const counted = Number(row?.['counted'] ?? 0)
  if (row === undefined || counted === 0) return { keys: [], columns: fields.map(() => '') }
  // A text that was cut off, by the server's limit, is shorter than it by less than a character.
  const most = engine === 'postgres' ? Number.POSITIVE_INFINITY : Math.min(Number(row['most']), MOST_BYTES) - 4
  const texts: string[] = []
  for (const [at, field] of fields.entries()) {
    const text = String(row[`c${at}`] ?? '')
    if (text.length * 4 > most && Buffer.byteLength(text) > most) return undefined
    if (mayHoldMarks(field)) {
      const nulls = counted - Number(row[`n${at}`] ?? counted)
      if (occurrences(text, VALUE) !== counted - 1 || occurrences(text, NULL) !== nulls) return undefined
    }
    // No array is made of an empty text, not even one of an empty text.
    if (text === '') return undefined
    texts.push(text)
  }
  return { keys: keysOf(keyAt.map((at) => texts[at] ?? '')), columns: texts }
}

/** Whether a value can hold what stands between values. No number does, and no date. */
function mayHoldMarks({ form }: Field): boolean {
  return form === 'text' || form === 'uuid'
}

type Texts = Readonly<Record<string, Int64 | string | null>>

function written(engine: 'postgres' | 'mysql', { name, form, facts }: Field): RawBuilder<unknown> {
  const column = sql.ref(name)
  if (engine === 'postgres') {
    // The target reads every way to write a number. But a REAL is a double of more digits than it shows.
    if (form === 'decimal' || baseType(facts.type) === 'double precision') return sql`${column}::text`
    return sql`${postgresForms(facts).get(form)?.(column) ?? sql`null`}`
  }
  if (form === 'decimal' || form === 'datetime') return column
  return sql`${mysqlForms(facts).get(form)?.(column) ?? sql`null`}`
}

function occurrences(text: string, part: string): number {
  let count = 0
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) count++
  return count
}

function keysOf(columns: readonly string[]): readonly Key[] {
  const [first = [], ...rest] = columns.map((text) => text.split(VALUE))
  return rest.length === 0 ? first : first.map((part, at) => [part, ...rest.map((column) => column[at] ?? '')])
}
