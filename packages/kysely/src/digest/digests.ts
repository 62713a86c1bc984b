import { createHash } from 'node:crypto'
import type { ColumnForms, Digest, DigestColumn, EntityStore, StoreOptions } from '@twinspan/core'
import type { RawBuilder, SqlBool } from 'kysely'
import { rowKey } from '../rows.ts'
import type { KnownTable, TableContext } from '../table-context.ts'
import type { DigestEngine, DigestRequest } from './engine.ts'
import { scaleOf } from './forms.ts'
import { mysqlDigest } from './mysql-digest.ts'
import { postgresDigest } from './postgres-digest.ts'
import { ROW } from './row-text.ts'
import { sqliteDigest } from './sqlite-digest.ts'
import { tryForms } from './try-forms.ts'
import { within } from './within.ts'
import { fieldsOf, readWritten } from './written.ts'

const ENGINES: Readonly<Record<TableContext['database']['dialect']['engine'], DigestEngine>> = {
  postgres: postgresDigest,
  mysql: mysqlDigest,
  sqlite: sqliteDigest,
}

/** Rows whose texts are read at once where they are hashed here. */
const PAGE = 2_000

/** Digests of a table's rows: md5 over their texts in the order of the key. */
export function createDigests(
  context: TableContext,
): Required<Pick<EntityStore, 'forms' | 'keyAt' | 'digest' | 'written' | 'tryForms'>> &
  Pick<EntityStore, 'digestFirst' | 'digestParts'> {
  const engine = ENGINES[context.database.dialect.engine]

  const requestOf = (known: KnownTable, columns: readonly DigestColumn[], options?: StoreOptions): DigestRequest => ({
    db: context.connection(options),
    table: context.name,
    order: known.key.order,
    inOrder: isPrimaryOrder(context, known),
    fields: fieldsOf(context, known, columns),
  })

  const digestFirst: EntityStore['digestFirst'] = async (stretch, n, columns, options) => {
    const known = await context.known(options)
    const request = requestOf(known, columns, options)
    const first = await engine.digestFirst?.(request, within(known, stretch), n, context.key)
    if (first === undefined) throw new TypeError(`The engine of table "${context.name}" finds no last key.`)
    const { rows, digest, last } = first
    return { rows, digest, through: last === undefined ? undefined : rowKey(context, last) }
  }

  const digestParts: EntityStore['digestParts'] = async (stretch, rows, columns, options) => {
    const known = await context.known(options)
    const request = requestOf(known, columns, options)
    const parts = (await engine.digestParts?.(request, within(known, stretch), rows, context.key)) ?? []
    return parts.map(({ last, ...part }) => ({
      ...part,
      through: last === undefined ? undefined : rowKey(context, last),
    }))
  }

  return {
    async forms() {
      const { columns } = await context.known()
      return new Map(
        [...columns].map(([name, facts]): [string, ColumnForms] => {
          const scale = engine === sqliteDigest ? undefined : scaleOf(facts.type)
          const forms = { forms: engine.forms(facts), nullable: facts.nullable }
          return [name, scale === undefined ? forms : { ...forms, scale }]
        }),
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

    ...(engine.digestFirst === undefined ? {} : { digestFirst }),
    ...(engine.digestParts === undefined ? {} : { digestParts }),

    async digest(stretches, columns, options) {
      const known = await context.known(options)
      const request = requestOf(known, columns, options)
      const conditions = stretches.map((stretch) => within(known, stretch))
      const made = await engine.digest?.(request, conditions)
      const digests: Digest[] = []
      for (const [at, condition] of conditions.entries()) {
        digests.push(made?.[at] ?? (await digestHere(engine, request, condition)))
      }
      return digests
    },

    async tryForms(columns, options) {
      const digestOf = async (request: DigestRequest, condition: RawBuilder<SqlBool>): Promise<Digest> =>
        (await engine.digest?.(request, [condition]))?.[0] ?? digestHere(engine, request, condition)
      return tryForms(context, digestOf, columns, options)
    },

    written: (rows, columns, options) => readWritten(context, rows, columns, options),
  }
}

/** Whether the primary key's index gives the rows in the order of the key's bytes. */
export function isPrimaryOrder({ database, name, key }: TableContext, { facts, columns }: KnownTable): boolean {
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
