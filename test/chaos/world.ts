import { createMigration, defineEntity, type Entity, type Migration } from '@twinspan/core'
import { kyselySide, surviveLostConnections } from '@twinspan/kysely'
import { Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'

export interface LegacyTables {
  things: { thing_id: number; txt: string }
}
export interface TargetTables {
  items: { id: number; label: string }
}

/** Keys that everybody fights for. */
export const HOT_KEYS = 20

/** Keys that are written once or twice in a campaign: what is lost early is not hidden by what comes later. */
export const COLD_KEYS = 50_000

/** Opens a database of the campaign by its address, as a process of its own would. */
function connect<Tables>(url: string): Kysely<Tables> {
  if (url.startsWith('mysql')) {
    return new Kysely<Tables>({ dialect: new MysqlDialect({ pool: createPool({ uri: url, connectionLimit: 6 }) }) })
  }
  const pool = new pg.Pool({ connectionString: url, max: 6, connectionTimeoutMillis: 5_000, query_timeout: 15_000 })
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: surviveLostConnections(pool) }) })
}

export async function createTables(legacyUrl: string, targetUrl: string): Promise<void> {
  const legacy = connect<LegacyTables>(legacyUrl)
  const target = connect<TargetTables>(targetUrl)
  await sql`create table things (thing_id int primary key, txt varchar(40) not null)`.execute(legacy)
  await sql`create table items (id int primary key, label varchar(40) not null)`.execute(target)
  await legacy.destroy()
  await target.destroy()
}

export interface World {
  readonly migration: Migration
  readonly things: Entity
  readonly legacyDb: Kysely<LegacyTables>
  readonly targetDb: Kysely<TargetTables>
}

/** One process's view of the migration. */
export function openWorld(legacyUrl: string, targetUrl: string): World {
  const legacyDb = connect<LegacyTables>(legacyUrl)
  const targetDb = connect<TargetTables>(targetUrl)
  const legacy = kyselySide(legacyDb)
  const target = kyselySide(targetDb)
  const things = defineEntity({
    name: 'things',
    legacy: legacy.table('things', { key: 'thing_id' }),
    target: target.table('items', { key: 'id' }),
    toTarget: (thing) => ({ id: thing.thing_id, label: thing.txt }),
    toLegacy: (item) => ({ thing_id: item.id, txt: item.label }),
  })
  const migration = createMigration({
    name: 'chaos',
    legacy,
    target,
    entities: [things],
    refreshMs: 200,
    leaseMs: 2_000,
    switchWaitMs: 10_000,
  })
  return { migration, things, legacyDb, targetDb }
}
