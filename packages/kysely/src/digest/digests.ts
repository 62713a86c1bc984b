import { createHash } from 'node:crypto'
import { type ColumnForms, type Digest, type EntityStore, type Stretch, UnknownColumnError } from '@twinspan/core'
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { rowKey } from '../rows.ts'
import type { KnownTable, TableContext } from '../table-context.ts'
import type { DigestEngine, DigestRequest } from './engine.ts'
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
export function createDigests(context: TableContext): Required<Pick<EntityStore, 'forms' | 'keyAt' | 'digest'>> {
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

    async keyAt(stretch, n, options) {
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
    },

    async digest(stretches, columns, options) {
      const known = await context.known(options)
      const fields = columns.map((column) => {
        const facts = known.columns.get(column.name)
        if (facts === undefined) throw new UnknownColumnError(context.name, column.name, [...known.columns.keys()])
        return { ...column, facts }
      })
      const request: DigestRequest = {
        db: context.connection(options),
        table: context.name,
        order: known.key.order,
        inOrder: isPrimaryOrder(context, known),
        fields,
      }
      const conditions = stretches.map((stretch) => within(known, stretch))
      const made = await engine.digest?.(request, conditions)
      const digests: Digest[] = []
      for (const [at, condition] of conditions.entries()) {
        digests.push(made?.[at] ?? (await digestHere(engine, request, condition)))
      }
      return digests
    },
  }
}

function within({ key }: KnownTable, { after, through }: Stretch): RawBuilder<SqlBool> {
  const conditions = [
    ...(after === undefined ? [] : [key.isAfter(after)]),
    ...(through === undefined ? [] : [key.isThrough(through)]),
  ]
  return conditions.length === 0 ? sql<SqlBool>`1 = 1` : sql<SqlBool>`${sql.join(conditions, sql` and `)}`
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

async function digestHere(engine: DigestEngine, request: DigestRequest, where: RawBuilder<SqlBool>): Promise<Digest> {
  const hash = createHash('md5')
  let rows = 0
  for (;;) {
    const texts = await engine.texts(request, { where, limit: PAGE, offset: rows })
    if (texts.length > 0) hash.update((rows === 0 ? '' : ROW) + texts.join(ROW))
    rows += texts.length
    if (texts.length < PAGE) return { rows, digest: rows === 0 ? '' : hash.digest('hex') }
  }
}
