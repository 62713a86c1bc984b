import { type CaptureMode, createMigration, defineEntity, type Entity, type Migration } from '@twinspan/core'
import { type KyselySide, kyselySide, surviveLostConnections } from '@twinspan/kysely'
import { Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import { type Pass, watchedSide, watchedStateStore, watchedStore } from './failpoints.ts'

export interface LegacyTables {
  things: { thing_id: number; txt: string; code: string | null }
}
export interface TargetTables {
  items: { id: number; label: string; mark: string | null }
}

/** How one process reaches both databases. */
export interface Addresses {
  readonly legacy: string
  readonly target: string
}

/** Keys that everybody fights for. */
export const HOT_KEYS = 20

/** Keys that are written once or twice in a campaign: what is lost early is not hidden by what comes later. */
export const COLD_KEYS = 20_000

/** From here on every user of every process has keys of its own, whose rows change places. */
export const OWN_KEYS = 1_000_000

/** Opens a database of the campaign by its address, as a process of its own would. */
export function connect<Tables>(url: string): Kysely<Tables> {
  if (url.startsWith('mysql')) {
    const pool = createPool({ uri: url, connectionLimit: 5 })
    // Users who lock rows that are not there and then insert them would meet in deadlocks of their own.
    pool.on('connection', (connection) => connection.query('set session transaction isolation level read committed'))
    return new Kysely<Tables>({ dialect: new MysqlDialect({ pool }) })
  }
  const pool = new pg.Pool({ connectionString: url, max: 5, connectionTimeoutMillis: 5_000, query_timeout: 15_000 })
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: surviveLostConnections(pool) }) })
}

/** Makes the tables, with history on legacy that nobody has copied yet. */
export async function createTables(addresses: Addresses, seeded: ReadonlyMap<number, string>): Promise<void> {
  const legacy = connect<LegacyTables>(addresses.legacy)
  const target = connect<TargetTables>(addresses.target)
  await sql`create table things (thing_id int primary key, txt varchar(60) not null, code varchar(60) unique)`.execute(
    legacy,
  )
  await sql`create table items (id int primary key, label varchar(60) not null, mark varchar(60) unique)`.execute(
    target,
  )
  const rows = Array.from(seeded, ([thing_id, txt]) => ({ thing_id, txt, code: null }))
  for (let from = 0; from < rows.length; from += 1_000) {
    await legacy
      .insertInto('things')
      .values(rows.slice(from, from + 1_000))
      .execute()
  }
  await legacy.destroy()
  await target.destroy()
}

export interface World {
  readonly migration: Migration
  readonly things: Entity
  readonly legacyDb: Kysely<LegacyTables>
  readonly targetDb: Kysely<TargetTables>
}

/** One process's view of the migration. `pass` hears of every failpoint that it comes by. */
export function openWorld(addresses: Addresses, capture: CaptureMode, pass?: Pass): World {
  const legacyDb = connect<LegacyTables>(addresses.legacy)
  const targetDb = connect<TargetTables>(addresses.target)
  const legacy: KyselySide<LegacyTables> = kyselySide(legacyDb)
  const target: KyselySide<TargetTables> = kyselySide(targetDb)
  const stores = { legacy: legacy.table('things', { key: 'thing_id' }), target: target.table('items', { key: 'id' }) }
  const things = defineEntity({
    name: 'things',
    legacy: pass === undefined ? stores.legacy : watchedStore(stores.legacy, pass),
    target: pass === undefined ? stores.target : watchedStore(stores.target, pass),
    toTarget: ({ thing_id, txt, code }) => ({ id: thing_id, label: txt, mark: code }),
    toLegacy: ({ id, label, mark }) => ({ thing_id: id, txt: label, code: mark }),
  })
  const migration = createMigration({
    name: 'chaos',
    legacy: pass === undefined ? legacy : watchedSide(legacy, pass),
    target: pass === undefined ? target : watchedSide(target, pass),
    store: pass === undefined ? target.store : watchedStateStore(target.store, pass),
    entities: [things],
    capture,
    refreshMs: 200,
    leaseMs: 2_000,
    switchWaitMs: 10_000,
  })
  return { migration, things, legacyDb, targetDb }
}
