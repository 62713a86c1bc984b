import { createHash } from 'node:crypto'
import type { ColumnForms, Digest, DigestColumn, EntityStore, StoreOptions, Stretch } from '@twinspan/core'
import type { KnownTable, TableContext } from '../table-context.ts'
import { keyAt, keysAtOf } from './cuts.ts'
import type { DigestEngine, DigestRequest, KnownRows } from './engine.ts'
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
): Required<Pick<EntityStore, 'forms' | 'keyAt' | 'digest' | 'written' | 'tryForms'>> & Pick<EntityStore, 'keysAt'> {
  const engine = ENGINES[context.database.dialect.engine]
  const rows: KnownRows = { short: 0, long: 0 }

  const requestOf = (known: KnownTable, columns: readonly DigestColumn[], options?: StoreOptions): DigestRequest => ({
    db: context.connection(options),
    table: context.name,
    key: known.key,
    order: known.key.order,
    inOrder: isPrimaryOrder(context, known),
    fields: fieldsOf(context, known, columns),
    rows,
  })

  return {
    async forms() {
      const { columns } = await context.known()
      return new Map(
        [...columns].map(([name, facts]): [string, ColumnForms] => {
          const scale = engine === sqliteDigest ? undefined : scaleOf(facts.type)
          const forms = engine.forms(facts)
          return [
            name,
            {
              forms,
              nullable: facts.nullable,
              ...(scale === undefined ? {} : { scale }),
              ...(forms.includes('double') ? { bits: true } : {}),
            },
          ]
        }),
      )
    },

    keyAt: (stretch, n, options) => keyAt(context, stretch, n, options),
    ...keysAtOf(context),

    async digest(stretches, columns, options) {
      const request = requestOf(await context.known(options), columns, options)
      const made = await engine.digest?.(request, stretches)
      const digests: Digest[] = []
      for (const [at, stretch] of stretches.entries()) {
        digests.push(made?.[at] ?? (await digestHere(engine, request, stretch)))
      }
      return digests
    },

    async tryForms(columns, options) {
      const digestOf = async (request: DigestRequest): Promise<Digest> =>
        (await engine.digest?.(request, [{}]))?.[0] ?? digestHere(engine, request, {})
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

async function digestHere(engine: DigestEngine, request: DigestRequest, stretch: Stretch): Promise<Digest> {
  const where = within(request, stretch)
  const hash = createHash('md5')
  let rows = 0
  for (;;) {
    const texts = await engine.texts(request, { where, limit: PAGE, offset: rows })
    if (texts.length > 0) hash.update((rows === 0 ? '' : ROW) + texts.join(ROW))
    rows += texts.length
    if (texts.length < PAGE) return { rows, digest: rows === 0 ? '' : hash.digest('hex') }
  }
}
