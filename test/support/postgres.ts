import { randomBytes } from 'node:crypto'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Engine, OpenDatabase } from './engines.ts'

const URL_OF_SERVER = process.env['TWINSPAN_PG_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'

async function asAdmin(...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: URL_OF_SERVER, connectionTimeoutMillis: 2_000 })
  try {
    await client.connect()
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end().catch(() => {})
  }
}

export const postgres: Engine = {
  name: 'postgres',
  concurrent: true,
  missing: () =>
    asAdmin('select 1').then(
      () => undefined,
      (error: Error) => `PostgreSQL does not answer (${describe(error)}); set TWINSPAN_PG_URL`,
    ),
  async open<DB>(): Promise<OpenDatabase<DB>> {
    const name = `twinspan_${randomBytes(6).toString('hex')}`
    await asAdmin(`create database ${name}`)
    const url = new URL(URL_OF_SERVER)
    url.pathname = `/${name}`
    const opened: Kysely<DB>[] = []
    const connect = async (): Promise<Kysely<DB>> => {
      const pool = new pg.Pool({
        connectionString: url.href,
        max: 10,
        connectionTimeoutMillis: 5_000,
        options: '-c synchronous_commit=off',
      })
      // Tests end sessions; a client that is in use and has no listener would end the process.
      pool.on('error', () => {})
      pool.on('connect', (client) => client.on('error', () => {}))
      const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
      await db.introspection.getSchemas()
      opened.push(db)
      return db
    }
    return {
      db: await connect(),
      url: url.href,
      connect,
      async close() {
        await Promise.all(opened.map((db) => db.destroy()))
        await asAdmin(`drop database if exists ${name} with (force)`)
      },
    }
  },
}

function describe(error: Error & { readonly code?: string }): string {
  return error.code ?? error.message
}
