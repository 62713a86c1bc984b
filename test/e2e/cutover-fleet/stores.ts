import { surviveLostConnections } from '@twinspan/kysely'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import { waitPatiently } from '../../../examples/demo/src/legacy/patience.ts'

/** A database as any process can reach it. */
export interface Place {
  readonly engine: 'sqlite' | 'pglite' | 'postgres' | 'mariadb'
  /** The file, or where the server is. */
  readonly at: string
}

/** One process's connections. The databases keep what they acknowledge, as they would in production. */
export function connect<DB>({ engine, at }: Place): Kysely<DB> {
  if (engine === 'sqlite') {
    // A wait inside the driver's call would hold up the whole process.
    const database = new SqliteDatabase(at, { timeout: 0 })
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = normal')
    return new Kysely<DB>({ dialect: new SqliteDialect({ database, onCreateConnection: waitPatiently }) })
  }
  if (engine === 'mariadb') {
    const pool = createPool({ uri: at, connectionLimit: 8, supportBigNumbers: true, charset: 'utf8mb4', timezone: 'Z' })
    return new Kysely<DB>({ dialect: new MysqlDialect({ pool }) })
  }
  // PGlite is one session behind its server: more connections would only wait in another place.
  const max = engine === 'pglite' ? 3 : 8
  const pool = new pg.Pool({ connectionString: at, max, connectionTimeoutMillis: 10_000 })
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool: surviveLostConnections(pool) }) })
}
