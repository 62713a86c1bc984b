import { type EntityStore, type Key, keysInTurn, type StoreOptions, type Stretch } from '@twinspan/core'
import { type RawBuilder, sql } from 'kysely'
import { rowKey } from '../rows.ts'
import type { KnownTable, TableContext } from '../table-context.ts'
import { within } from './within.ts'

/** The key of the `n`th row of a stretch. */
export async function keyAt(
  context: TableContext,
  stretch: Stretch,
  n: number,
  options?: StoreOptions,
): Promise<Key | undefined> {
  const known = await context.known(options)
  let query = context
    .connection(options)
    .selectFrom(context.name)
    .select([...context.key])
    .where(within(known, stretch))
  for (const column of known.key.order) query = query.orderBy(column)
  const row = await query
    .limit(1)
    .offset(n - 1)
    .executeTakeFirst()
  return row === undefined ? undefined : rowKey(context, row)
}

type KeysAt = NonNullable<EntityStore['keysAt']>

/** Where an engine finds many keys for little more than one. MySQL has none: its index of the primary key is the rows themselves. */
export function keysAtOf(context: TableContext): Pick<EntityStore, 'keysAt'> {
  const { engine } = context.database.dialect
  if (engine === 'postgres') return { keysAt: keysByRecursion(context) }
  // An embedded engine answers without a journey.
  if (engine === 'sqlite') return { keysAt: (...wanted) => keysInTurn((...one) => keyAt(context, ...one), ...wanted) }
  return {}
}

/** Each key is looked for from the last one on, so that no row is passed twice. */
function keysByRecursion(context: TableContext): KeysAt {
  return async (stretch, n, most, options) => {
    const known = await context.known(options)
    const cut = context.key.map((column) => sql.ref(`twinspan_cut.${column}`))
    const { through } = stretch
    const rest = sql`${known.key.isAfterThose(cut)} and ${within(known, through === undefined ? {} : { through })}`
    const { rows } = await sql<object>`
      with recursive twinspan_cut as (
        (select 1 as twinspan_n, ${nth(context, known, within(known, stretch), n)})
        union all
        select twinspan_cut.twinspan_n + 1, twinspan_next.*
        from twinspan_cut cross join lateral (select ${nth(context, known, rest, n)}) twinspan_next
        where twinspan_cut.twinspan_n < ${sql.lit(most)}
      )
      select ${sql.join(cut)} from twinspan_cut order by twinspan_n`.execute(context.connection(options))
    return rows.map((row) => rowKey(context, row))
  }
}

/** The key of the `n`th row of those, behind the word `select`. */
function nth(
  { name, key }: TableContext,
  { key: { order } }: KnownTable,
  where: RawBuilder<unknown>,
  n: number,
): RawBuilder<unknown> {
  return sql`${sql.join(key.map((column) => sql.ref(column)))} from ${sql.table(name)} where ${where}
    order by ${sql.join(order)} limit 1 offset ${sql.lit(n - 1)}`
}
