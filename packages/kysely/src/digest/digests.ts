import { createHash } from 'node:crypto'
import { type ColumnForms, type EntityStore, type Key, UnknownColumnError } from '@twinspan/core'
import { type SqlBool, sql } from 'kysely'
import { rowKey } from '../rows.ts'
import type { KnownTable, TableContext } from '../table-context.ts'
import type { DigestEngine, DigestRequest, RowsDigest } from './engine.ts'
import { mysqlDigest } from './mysql-digest.ts'
import { postgresDigest } from './postgres-digest.ts'
import { ROW } from './row-text.ts'
import { sqliteDigest } from './sqlite-digest.ts'

const ENGINES: Readonly<Record<TableContext['database']['dialect']['engine'], DigestEngine>> = {
  postgres: postgresDigest,
  mysql: mysqlDigest,
  sqlite: sqliteDigest,
}

/** Rows whose texts are read at once where they are hashed here. */
const PAGE = 2_000

/** Digests of a table's rows: md5 over their texts in the order of the key. */
export function createDigests(context: TableContext): Required<Pick<EntityStore, 'forms' | 'digest'>> {
  const engine = ENGINES[context.database.dialect.engine]

  return {
    async forms() {
      const { columns } = await context.known()
      return new Map(
        [...columns].map(([name, facts]): [string, ColumnForms] => [
          name,
          { forms: engine.forms(facts), nullable: facts.nullable },
        ]),
      )
    },

    async digest({ limit, ...range }, columns, options) {
      const known = await context.known(options)
      const db = context.connection(options)
      const last = limit === undefined ? undefined : await lastOf(context, known, { ...range, limit }, options)
      const request: DigestRequest = {
        db,
        table: context.name,
        where: within(known, last === undefined ? range : { ...range, through: last }),
        order: known.key.order,
        inOrder: isPrimaryOrder(context, known),
        fields: columns.map((column) => {
          const facts = known.columns.get(column.name)
          if (facts === undefined) throw new UnknownColumnError(context.name, column.name, [...known.columns.keys()])
          return { ...column, facts }
        }),
      }
      const made = (await engine.digest?.(request)) ?? (await digestHere(engine, request))
      return { ...made, last }
    },
  }
}

function within({ key }: KnownTable, { after, through }: { readonly after?: Key; readonly through?: Key }) {
  const conditions = [
    ...(after === undefined ? [] : [key.isAfter(after)]),
    ...(through === undefined ? [] : [key.isThrough(through)]),
  ]
  return conditions.length === 0 ? sql<SqlBool>`1 = 1` : sql<SqlBool>`${sql.join(conditions, sql` and `)}`
}

/** The key of the last of `limit` rows; `undefined` when there are fewer. */
async function lastOf(
  context: TableContext,
  known: KnownTable,
  { limit, ...range }: { readonly after?: Key; readonly through?: Key; readonly limit: number },
  options: Parameters<TableContext['connection']>[0],
): Promise<Key | undefined> {
  let query = context
    .connection(options)
    .selectFrom(context.name)
    .select([...context.key])
    .where(within(known, range))
  for (const column of known.key.order) query = query.orderBy(column)
  const row = await query
    .limit(1)
    .offset(limit - 1)
    .executeTakeFirst()
  return row === undefined ? undefined : rowKey(context, row)
}

/** Whether the primary key's index gives the rows in the order of the key's bytes. */
function isPrimaryOrder({ database, name, key }: TableContext, { facts, columns }: KnownTable): boolean {
  const physical = database.physical(name, key).columns
  return (
    physical.length === facts.primaryKey.length &&
    physical.every((column, at) => facts.primaryKey[at] === column) &&
    key.every((column) => {
      const known = columns.get(column)
      return known !== undefined && (known.kind === 'integer' || known.byteOrder)
    })
  )
}

async function digestHere(engine: DigestEngine, request: DigestRequest): Promise<RowsDigest> {
  const hash = createHash('md5')
  let rows = 0
  for (;;) {
    const texts = await engine.texts(request, { limit: PAGE, offset: rows })
    if (texts.length > 0) hash.update((rows === 0 ? '' : ROW) + texts.join(ROW))
    rows += texts.length
    if (texts.length < PAGE) return { rows, digest: rows === 0 ? '' : hash.digest('hex') }
  }
}
