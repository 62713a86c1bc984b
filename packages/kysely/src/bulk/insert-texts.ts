import {
  type DigestColumn,
  type InsertOutcome,
  keyText,
  type StoreOptions,
  type Stretch,
  type TextColumns,
} from '@twinspan/core'
import { type RawBuilder, sql } from 'kysely'
import { elementOf } from '../dialects/postgres-arrays.ts'
import type { Field } from '../digest/row-text.ts'
import { within } from '../digest/within.ts'
import { fieldsOf } from '../digest/written.ts'
import { selectKeys } from '../select-keys.ts'
import { requireUniqueKey, type TableContext } from '../table-context.ts'
import { NULL, VALUE } from './read-texts.ts'

/** Inserts what `readTexts` read elsewhere, one parameter per column, cut into values by the server. PostgreSQL only. */
export async function insertTexts(
  context: TableContext,
  stretch: Stretch,
  { keys, columns: texts }: TextColumns,
  columns: readonly DigestColumn[],
  options: StoreOptions,
): Promise<InsertOutcome | undefined> {
  const known = await context.known(options)
  requireUniqueKey(context, known)
  const fields = fieldsOf(context, known, columns)
  const incoming = fields.map((field, at) => incomingOf(field, texts[at] ?? ''))
  if (incoming.includes(undefined) || fields.some(({ facts }) => !facts.writable)) return undefined
  if (keys.length === 0) return { inserted: 0, conflicts: [] }
  const db = context.connection(options)
  const there = await sql<{ there: boolean }>`select exists(
    select from ${sql.table(context.name)} where ${within(known, stretch)}) as there`.execute(db)
  const names = fields.map((_, at) => `c${at}`)
  const insists = context.key.some((name) => known.columns.get(name)?.insist)
  const arrays = incoming.map((made) => made?.array ?? sql``)
  const values = incoming.map((made, at) => made?.value(sql.ref(`incoming.c${at}`)) ?? sql``)
  const rows = sql`${insists ? sql`overriding system value ` : sql``}select ${sql.join(values)}
    from unnest(${sql.join(arrays)}) incoming(${sql.join(names.map((name) => sql.ref(name)))})`
  const insert = db
    .insertInto(context.name)
    .columns(fields.map(({ name }) => name))
    .expression(rows as RawBuilder<never>)
  // Where nothing stands in the stretch the clause would only cost time. A writer who is faster makes the insert fail.
  const quiet = there.rows[0]?.there !== true
  const done = await (quiet ? insert : insert.onConflict((conflict) => conflict.doNothing())).executeTakeFirst()
  const inserted = Number(done.numInsertedOrUpdatedRows ?? 0)
  if (inserted === keys.length) return { inserted, conflicts: [] }
  const present = await selectKeys(context, known, db, keys)
  return { inserted, conflicts: keys.filter((key) => !present.has(keyText(key))) }
}

interface Incoming {
  readonly array: RawBuilder<unknown>
  value(column: RawBuilder<unknown>): RawBuilder<unknown>
}

function incomingOf({ form, facts }: Field, text: string): Incoming | undefined {
  const element = elementOf(facts)
  if (element === undefined || element === 'json' || element === 'jsonb') return undefined
  const array = (type: string): RawBuilder<unknown> => {
    const parts = sql`string_to_array(${text}::text, ${sql.lit(VALUE)}, ${sql.lit(NULL)})`
    return type === 'text' ? parts : sql`${parts}::${sql.raw(type)}[]`
  }
  if (form === 'bytes') return { array: array('text'), value: (column) => sql`decode(${column}, 'hex')` }
  // What has no zone of its own is not to be read in the session's.
  if (element === 'timestamptz')
    return { array: array('timestamp'), value: (column) => sql`${column} at time zone 'UTC'` }
  return { array: array(element), value: (column) => column }
}
