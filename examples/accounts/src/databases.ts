import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { surviveLostConnections } from '@twinspan/kysely'
import SqliteDatabase from 'better-sqlite3'
import { type Generated, Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'

/** The old system: members with hashes of three generations, and what the service keeps beside them. */
export interface LegacyDB {
  readonly members: {
    readonly member_id: Generated<number>
    readonly mail: string
    readonly name: string
    readonly passwd: string | null
    readonly banned: number
  }
  // Sessions and tokens stay where they are until nothing else is here any more: a target that is down logs nobody out.
  readonly sessions: {
    readonly id: string
    readonly user_id: number | null
    readonly data: string
    readonly expires_at: number
  }
  readonly reset_tokens: {
    readonly digest: string
    readonly user_id: number
    readonly expires_at: number
    readonly claimed: number
  }
}

/** The new system's. `users` is a mirrored copy; what belongs to logins is in a table of its own. */
export interface TargetDB {
  readonly users: {
    readonly id: Generated<number>
    readonly email: string
    readonly name: string
    readonly banned: number
  }
  readonly credentials: { readonly user_id: number; readonly hash: string }
}

export interface Databases {
  readonly legacy: Kysely<LegacyDB>
  readonly target: Kysely<TargetDB>
  /** The mirror's way to the target: on a server it has connections of its own, so that no request waits for one of its. */
  readonly copies: Kysely<TargetDB>
  close(): Promise<void>
}

/** Opens both, without asking either: a service starts while its target is down. */
export function openDatabases({
  legacy: from,
  target: to,
}: {
  readonly legacy: string
  readonly target: string
}): Databases {
  const legacy = from.startsWith('mysql://') ? openMysql<LegacyDB>(from) : openFile<LegacyDB>(from)
  const isServer = /^postgres(ql)?:/.test(to)
  const target = isServer ? openPostgres<TargetDB>(to, 10) : openFile<TargetDB>(to)
  const copies = isServer ? openPostgres<TargetDB>(to, 3) : target
  return {
    legacy,
    target,
    copies,
    async close() {
      await Promise.all([...new Set([legacy, target, copies])].map((db) => db.destroy()))
    },
  }
}

function openFile<DB>(file: string): Kysely<DB> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const database = new SqliteDatabase(file)
  database.pragma('journal_mode = WAL')
  return new Kysely<DB>({ dialect: new SqliteDialect({ database }) })
}

function openMysql<DB>(uri: string): Kysely<DB> {
  const pool = createPool({ uri, connectionLimit: 10, connectTimeout: 5_000, supportBigNumbers: true, timezone: 'Z' })
  return new Kysely<DB>({ dialect: new MysqlDialect({ pool }) })
}

function openPostgres<DB>(connectionString: string, max: number): Kysely<DB> {
  const pool = new pg.Pool({ connectionString, max, connectionTimeoutMillis: 5_000, query_timeout: 10_000 })
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool: surviveLostConnections(pool) }) })
}
