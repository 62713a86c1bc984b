import { UnsupportedEngineError } from '@twinspan/core'
import { type Kysely, MysqlAdapter, PostgresAdapter, type RawBuilder, SqliteAdapter, sql } from 'kysely'
import type { TableName } from './catalog.ts'
import type { Dialect } from './dialect.ts'
import { mysql } from './dialects/mysql.ts'
import { postgres } from './dialects/postgres.ts'
import { sqlite } from './dialects/sqlite.ts'
import type { OwnTable, OwnTables } from './own-tables.ts'
import { prepareSchema } from './schema.ts'

/** An application's tables, of which nothing is known here at compile time. */
export type AnyTables = Record<string, Record<string, unknown>>

/** A Kysely instance, and what we make of it. */
export interface Database {
  readonly dialect: Dialect
  /** The application's instance, its plugins included. */
  readonly app: Kysely<AnyTables>
  /** Twinspan's own tables, without the application's plugins. */
  readonly own: Kysely<OwnTables>
  /** The schema that the application chose for this instance, if it did. */
  readonly schema: string | undefined
  /** `own` within a transaction of `app`. */
  ownIn(transaction: unknown): Kysely<OwnTables>
  /** One of Twinspan's tables in raw SQL. */
  ref(table: OwnTable): RawBuilder<unknown>
  /** What the database calls a table and its columns, after the application's plugins. */
  physical(
    table: string,
    columns: readonly string[],
  ): { readonly table: TableName; readonly columns: readonly string[] }
  /** Creates or upgrades Twinspan's tables. */
  prepare(): Promise<void>
}

const SUPPORTED = ['PostgreSQL', 'PGlite', 'MySQL', 'MariaDB', 'SQLite']

const opened = new WeakMap<object, Database>()

/** @throws UnsupportedEngineError */
export function openDatabase(db: unknown): Database {
  const app = db as Kysely<AnyTables>
  const existing = opened.get(app)
  if (existing !== undefined) return existing
  const dialect = dialectOf(app)
  const { schema } = physical(app, 'twinspan_journal', []).table
  const ownIn = (instance: Kysely<AnyTables>): Kysely<OwnTables> => {
    const plain = instance.withoutPlugins() as unknown as Kysely<OwnTables>
    return schema === undefined ? plain : plain.withSchema(schema)
  }
  const own = ownIn(app)
  let prepared: Promise<void> | undefined
  const database: Database = {
    dialect,
    app,
    own,
    schema,
    ownIn: (transaction) => ownIn(transaction as Kysely<AnyTables>),
    ref: (table) => sql.table(schema === undefined ? table : `${schema}.${table}`),
    physical: (table, columns) => physical(app, table, columns),
    prepare() {
      prepared ??= prepareSchema(database).catch((error: unknown) => {
        prepared = undefined
        throw error
      })
      return prepared
    },
  }
  opened.set(app, database)
  return database
}

function dialectOf(app: Kysely<AnyTables>): Dialect {
  const adapter: unknown = app?.getExecutor?.()?.adapter
  if (adapter instanceof PostgresAdapter) return postgres
  if (adapter instanceof MysqlAdapter) return mysql
  if (adapter instanceof SqliteAdapter) return sqlite
  const name = (adapter as object | undefined)?.constructor.name.replace(/Adapter$/, '') ?? 'unknown'
  throw new UnsupportedEngineError(name, SUPPORTED)
}

interface Identifier {
  readonly name: string
}

/** The part of Kysely's compiled `select` that names things. */
interface SelectNode {
  readonly from: {
    readonly froms: readonly { readonly table: { readonly schema?: Identifier; readonly identifier: Identifier } }[]
  }
  readonly selections?: readonly { readonly selection: { readonly column: { readonly column: Identifier } } }[]
}

/** Compiles a select and reads the names off it, so that whatever plugins rename or qualify is taken into account. */
function physical(app: Kysely<AnyTables>, table: string, columns: readonly string[]): ReturnType<Database['physical']> {
  const query = app.selectFrom(table)
  const compiled = columns.length === 0 ? query.compile() : query.select([...columns]).compile()
  const { from, selections } = compiled.query as unknown as SelectNode
  const named = from.froms[0]?.table
  return {
    table: { schema: named?.schema?.name, name: named?.identifier.name ?? table },
    columns: selections?.map(({ selection }) => selection.column.column.name) ?? [],
  }
}
