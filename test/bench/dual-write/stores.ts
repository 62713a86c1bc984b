import { existsSync } from 'node:fs'
import { surviveLostConnections } from '@twinspan/kysely'
import { Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import { mariadb } from '../../support/mariadb.ts'
import { postgres } from '../../support/postgres.ts'
import type { Accounts } from './accounts.ts'
import type { Endpoint } from './network.ts'

/** Every subject has a table of its own, so that one subject's triggers are not another's. */
export type Tables = Record<string, { id: number; owner: string; balance: number; note: string }>

export interface Store {
  readonly engine: 'pg' | 'mariadb'
  /** The quickest way to the server: its local socket, where there is one. */
  readonly local: Endpoint
  readonly url: string
  /** A pool of its own on the database, by the given way. */
  connect(options?: { readonly through?: Endpoint; readonly size?: number }): Kysely<Tables>
  /** A table of `rows` accounts. */
  createTable(name: string, rows: number): Promise<void>
  close(): Promise<void>
}

/** An empty database of this run's own. */
export async function openStore(engine: Store['engine']): Promise<Store> {
  const support = engine === 'pg' ? postgres : mariadb
  const reason = await support.missing()
  if (reason !== undefined) throw new Error(reason)
  const opened = await support.open<Tables>()
  const url = new URL(opened.url ?? '')
  const local = await localEndpoint(engine, opened.db, url)
  const connected: Kysely<Tables>[] = []
  return {
    engine,
    url: url.href,
    local,
    connect({ through = local, size = 20 } = {}) {
      const db = engine === 'pg' ? connectPostgres(url, through, size) : connectMariadb(url, through, size)
      connected.push(db)
      return db
    },
    async createTable(name, rows) {
      const table = sql.table(name)
      await sql`create table ${table} (id int primary key, owner varchar(60) not null, balance bigint not null, note varchar(200) not null)`.execute(
        opened.db,
      )
      const numbers = engine === 'pg' ? sql`generate_series(1, ${sql.lit(rows)}) n` : sql.raw(`seq_1_to_${rows} s`)
      const n = engine === 'pg' ? sql`n` : sql`s.seq`
      if (rows > 0) {
        await sql`insert into ${table} select ${n}, concat('owner of ', ${n}), ${n}, 'opened long ago' from ${numbers}`.execute(
          opened.db,
        )
      }
      await sql.raw(`analyze ${engine === 'pg' ? '' : 'table '}${name}`).execute(opened.db)
    },
    async close() {
      // Whatever waits for a server that is gone is left behind.
      await Promise.all(connected.map((db) => db.destroy()))
      await opened.close()
    },
  }
}

async function localEndpoint(engine: Store['engine'], db: Kysely<Tables>, url: URL): Promise<Endpoint> {
  const host = { host: url.hostname, port: Number(url.port || (engine === 'pg' ? 5432 : 3306)) }
  if (host.host !== '127.0.0.1' && host.host !== 'localhost') return host
  const { rows } = await (engine === 'pg'
    ? sql<{ folders: string }>`select current_setting('unix_socket_directories') as folders`.execute(db)
    : sql<{ folders: string }>`select @@socket as folders`.execute(db))
  const paths =
    rows[0]?.folders.split(',').map((path) => (engine === 'pg' ? `${path.trim()}/.s.PGSQL.${host.port}` : path)) ?? []
  const path = paths.find(existsSync)
  return path === undefined ? host : { path }
}

function connectPostgres(url: URL, through: Endpoint, size: number): Kysely<Tables> {
  const pool = new pg.Pool({
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: url.pathname.slice(1),
    max: size,
    ...('path' in through
      ? {
          host: through.path.slice(0, through.path.lastIndexOf('/')),
          port: Number(through.path.slice(through.path.lastIndexOf('.') + 1)),
        }
      : through),
  })
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: surviveLostConnections(pool) }) })
}

function connectMariadb(url: URL, through: Endpoint, size: number): Kysely<Tables> {
  const pool = createPool({
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: url.pathname.slice(1),
    connectionLimit: size,
    charset: 'utf8mb4',
    ...('path' in through ? { socketPath: through.path } : through),
  })
  return new Kysely<Tables>({ dialect: new MysqlDialect({ pool }) })
}

/** The repository over a table. */
export function accountsIn(db: Kysely<Tables>, table: string): Accounts {
  return {
    async save(id, balance) {
      await db.updateTable(table).set({ balance }).where('id', '=', id).execute()
    },
    async find(id) {
      const row = await db.selectFrom(table).select('balance').where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : Number(row.balance)
    },
  }
}

/** The same, in a transaction of the application's own. */
export function accountsInTransactions(db: Kysely<Tables>, table: string): Accounts {
  const plain = accountsIn(db, table)
  return {
    ...plain,
    save: (id, balance) => db.transaction().execute((transaction) => accountsIn(transaction, table).save(id, balance)),
  }
}
