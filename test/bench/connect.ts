import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import type { SamplesDB } from './samples.ts'

/** A database of the benches by its URL, as an application opens it. */
export function connect(url: string): Kysely<SamplesDB> {
  const dialect = url.startsWith('mysql:')
    ? new MysqlDialect({ pool: createPool({ uri: url, supportBigNumbers: true, charset: 'utf8mb4', timezone: 'Z' }) })
    : new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 10 }) })
  return new Kysely<SamplesDB>({ dialect })
}
