import { randomBytes } from 'node:crypto'
import { surviveLostConnections } from '@twinspan/kysely'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'

export interface Legacy {
  customers: { customer_no: number; full_name: string; mail: string; orders: number }
}

export interface Target {
  users: { id: number; name: string; email: string; orders: number }
}

/** Where the two databases of a run are. The queue lives beside the target. */
export interface Urls {
  readonly legacy: string
  readonly target: string
}

export function connect<Tables>(connectionString: string, max = 5): Kysely<Tables> {
  const pool = new pg.Pool({ connectionString, max, connectionTimeoutMillis: 5_000, query_timeout: 30_000 })
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: surviveLostConnections(pool) }) })
}

export interface Databases extends Urls {
  drop(): Promise<void>
}

/** Two databases of this run's own on a server, legacy with so many customers. */
export async function createDatabases(server: string, rows: number): Promise<Databases> {
  const run = randomBytes(4).toString('hex')
  const nameOf = (side: 'legacy' | 'target'): string => `twinspan_pg_boss_${run}_${side}`
  const urlOf = (side: 'legacy' | 'target'): string => {
    const url = new URL(server)
    url.pathname = `/${nameOf(side)}`
    return url.href
  }
  const onServer = async (statement: string): Promise<void> => {
    const admin = connect<unknown>(server, 1)
    try {
      await sql.raw(statement).execute(admin)
    } finally {
      await admin.destroy()
    }
  }
  const databases = {
    legacy: urlOf('legacy'),
    target: urlOf('target'),
    async drop() {
      for (const side of ['legacy', 'target'] as const) {
        await onServer(`drop database if exists ${nameOf(side)} with (force)`)
      }
    },
  }
  await onServer(`create database ${nameOf('legacy')}`)
  await onServer(`create database ${nameOf('target')}`)
  await inDatabase(
    databases.legacy,
    'create table customers (customer_no int primary key, full_name text not null, mail text not null, orders int not null)',
    `insert into customers select n * 3, 'Customer ' || n, 'customer.' || n || '@example.org', n % 40 from generate_series(1, ${rows}) n`,
    'analyze customers',
  )
  await inDatabase(
    databases.target,
    'create table users (id int primary key, name text not null, email text not null, orders int not null)',
  )
  return databases
}

async function inDatabase(url: string, ...statements: readonly string[]): Promise<void> {
  const db = connect<unknown>(url, 1)
  try {
    for (const statement of statements) await sql.raw(statement).execute(db)
  } finally {
    await db.destroy()
  }
}
