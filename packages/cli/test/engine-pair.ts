import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import type { OpenDatabase } from '../../../test/support/engines.ts'
import { mariadb } from '../../../test/support/mariadb.ts'
import { postgres } from '../../../test/support/postgres.ts'

/** Two databases with a table `users` each; legacy's has rows. */
export interface Pair {
  /** What a configuration is told. */
  readonly legacyAddress: string
  readonly targetAddress: string
  readonly legacy: Kysely<unknown>
  targetRows(): Promise<readonly unknown[]>
  /** Our triggers on legacy, so that one that was made anew is another. */
  triggers(): Promise<readonly unknown[]>
  /** How the engine's own client finds legacy. */
  clientArguments(client: ClientName): readonly string[]
  close(): Promise<void>
}

export type ClientName = 'psql' | 'mariadb' | 'sqlite3'

const CLIENTS: Readonly<Record<string, ClientName>> = { postgres: 'psql', mariadb: 'mariadb', sqlite: 'sqlite3' }

/** Why this pair cannot be had here. */
export async function clientFor(legacy: string, target: string): Promise<string | undefined> {
  const client = CLIENTS[legacy] ?? ''
  try {
    execFileSync(client, ['--version'], { stdio: 'ignore' })
  } catch {
    return `no ${client}`
  }
  for (const side of [legacy, target]) {
    const engine = { postgres, mariadb }[side]
    const reason = await engine?.missing()
    if (reason === undefined) continue
    if (process.env['CI'] === 'true') throw new Error(`${side} is needed in CI: ${reason}`)
    return reason
  }
  return undefined
}

interface LegacyFacts {
  readonly table: string
  readonly triggers: string
}

const LEGACY: Readonly<Record<string, LegacyFacts>> = {
  postgres: {
    table: 'create table users (id serial primary key, email text not null)',
    triggers: "select oid::text, tgname from pg_trigger where tgname like 'twinspan%' order by tgname",
  },
  mariadb: {
    table: 'create table users (id int auto_increment primary key, email varchar(200) not null)',
    triggers:
      "select trigger_name, cast(created as char) as created from information_schema.triggers where trigger_schema = database() and trigger_name like 'twinspan%' order by trigger_name",
  },
  sqlite: {
    table: 'create table users (id integer primary key autoincrement, email text not null)',
    triggers:
      "select name, rootpage, sql from sqlite_master where type = 'trigger' and name like 'twinspan%' order by name",
  },
}

export async function openPair(
  folder: string,
  { legacy, target, rows }: { readonly legacy: string; readonly target: string; readonly rows: number },
): Promise<Pair> {
  const facts = LEGACY[legacy]
  if (facts === undefined) throw new Error(`${legacy} is no legacy of this test`)
  const first = await openLegacy(legacy, folder)
  const table = sql.raw(facts.table)
  await table.execute(first.db)
  const emails = Array.from({ length: rows }, (_, row) => sql`(${`user${row}@example.org`})`)
  await sql`insert into users (email) values ${sql.join(emails)}`.execute(first.db)
  const second = await openTarget(target, folder)
  const address = new URL(first.url ?? 'file:///')
  return {
    legacyAddress: first.url ?? join(folder, 'legacy.db'),
    targetAddress: second.address,
    legacy: first.db,
    targetRows: second.rows,
    triggers: async () => (await sql.raw(facts.triggers).execute(first.db)).rows,
    clientArguments(client) {
      if (client === 'sqlite3') return [join(folder, 'legacy.db')]
      if (client === 'psql') return [address.href]
      const { hostname, port, username, password, pathname } = address
      const secret = password === '' ? [] : [`--password=${decodeURIComponent(password)}`]
      return [`--host=${hostname}`, `--port=${port || 3306}`, `--user=${username}`, ...secret, pathname.slice(1)]
    },
    async close() {
      await first.close()
      await second.close()
    },
  }
}

async function openLegacy(engine: string, folder: string): Promise<OpenDatabase<unknown>> {
  if (engine === 'postgres') return postgres.open()
  if (engine === 'mariadb') return mariadb.open()
  const database = new SqliteDatabase(join(folder, 'legacy.db'))
  database.pragma('journal_mode = WAL')
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) })
  return { db, connect: async () => db, close: () => db.destroy() }
}

interface Target {
  readonly address: string
  rows(): Promise<readonly unknown[]>
  close(): Promise<void>
}

const TARGET_TABLE = 'create table users (id serial primary key, email text not null)'
const ALL = 'select id, email from users order by id'

async function openTarget(engine: string, folder: string): Promise<Target> {
  if (engine === 'postgres') {
    const opened = await postgres.open<unknown>()
    await sql.raw(TARGET_TABLE).execute(opened.db)
    return {
      address: opened.url ?? '',
      rows: async () => (await sql.raw(ALL).execute(opened.db)).rows,
      close: () => opened.close(),
    }
  }
  // One process at a time: each command opens the folder, and so do we.
  const directory = join(folder, 'target')
  async function within<T>(work: (database: PGlite) => Promise<T>): Promise<T> {
    const database = await PGlite.create(directory)
    try {
      return await work(database)
    } finally {
      await database.close()
    }
  }
  await within((database) => database.exec(TARGET_TABLE))
  return {
    address: directory,
    rows: () => within(async (database) => (await database.query(ALL)).rows),
    close: async () => {},
  }
}
