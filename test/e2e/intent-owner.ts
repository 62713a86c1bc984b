/**
 * A process that renames an account and is killed while it waits for the answer: `node intent-owner.ts <service url>
 * <journal file> <target url> <id> <name>`. Run by opaque.test.ts.
 */
import SqliteDatabase from 'better-sqlite3'
import { Kysely, PostgresDialect, SqliteDialect } from 'kysely'
import pg from 'pg'
import { type AccountsDB, openOpaqueWorld } from './opaque-world.ts'

const [service = '', file, targetUrl, id, name = ''] = process.argv.slice(2)
const journal = new Kysely<unknown>({
  dialect: new SqliteDialect({ database: new SqliteDatabase(file, { timeout: 0 }) }),
})
const target = new Kysely<AccountsDB>({
  dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: targetUrl }) }),
})
const { migration, repository } = openOpaqueWorld(service, journal, target)
await migration.start()
await repository.rename(Number(id), name)
