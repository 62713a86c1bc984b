// SQLite to PGlite: the backfill against the loop that everybody writes first, and a sweep over what they copied.
import { backfill } from '@twinspan/backfill'
import { createMigration, defineEntity, type Migration } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import { reconcile } from '@twinspan/reconcile'
import { type Kysely, sql } from 'kysely'
import { pglite } from '../../support/pglite.ts'
import { sqlite } from '../../support/sqlite.ts'
import type { BenchContext, Cases, Measurement } from '../bench.ts'

interface LegacyDB {
  towns: Town
}

interface Town {
  town_id: number
  title: string
  country_code: string
  lat: number
  lon: number
  inhabitants: number
  is_capital: number
  updated: number
  tags: string
}

interface TargetDB {
  places: Place
}

interface Place {
  id: number
  name: string
  country: string
  latitude: number
  longitude: number
  population: number
  capital: boolean
  updated_at: Date
  tags: string
}

const NAMES = [
  'Zürich',
  'Łódź',
  '東京',
  'Αθήνα',
  'القاهرة',
  'Санкт-Петербург',
  'São Paulo',
  'Reykjavík',
  'तिरुवनन्तपुरम',
  'Oʻahu',
]

function toPlace(town: Town): Place {
  return {
    id: town.town_id,
    name: town.title,
    country: town.country_code,
    latitude: town.lat,
    longitude: town.lon,
    population: town.inhabitants,
    capital: town.is_capital === 1,
    updated_at: new Date(town.updated * 1000),
    tags: JSON.stringify(town.tags.split(';')),
  }
}

const toTown = (place: Place): Town => ({
  town_id: place.id,
  title: place.name,
  country_code: place.country,
  lat: place.latitude,
  lon: place.longitude,
  inhabitants: place.population,
  is_capital: place.capital ? 1 : 0,
  updated: place.updated_at.getTime() / 1000,
  tags: '',
})

function town(at: number): Town {
  return {
    // Gaps, as a table has them that lived.
    town_id: at * 3 + (at % 2),
    title: `${NAMES[at % NAMES.length]} ${at}`,
    country_code: `${String.fromCharCode(65 + (at % 26))}${String.fromCharCode(65 + (at % 7))}`,
    lat: ((at * 7919) % 180_000) / 1000 - 90,
    lon: ((at * 104_729) % 360_000) / 1000 - 180,
    inhabitants: (at * 31) % 9_000_000,
    is_capital: at % 500 === 0 ? 1 : 0,
    updated: 1_600_000_000 + at,
    tags: `t${at % 5};t${at % 11}`,
  }
}

interface Stores {
  readonly legacy: Kysely<LegacyDB>
  readonly target: Kysely<TargetDB>
}

async function withStores<T>(rows: number, work: (stores: Stores) => Promise<T>): Promise<T> {
  const [legacy, target] = [await sqlite.open<LegacyDB>(), await pglite.open<TargetDB>()]
  try {
    await sql`create table towns (town_id integer primary key, title text, country_code text, lat real, lon real,
      inhabitants integer, is_capital integer, updated integer, tags text)`.execute(legacy.db)
    await sql`create table places (id integer primary key, name text not null, country char(2), latitude float8,
      longitude float8, population integer, capital boolean, updated_at timestamptz, tags jsonb)`.execute(target.db)
    for (let from = 0; from < rows; from += 1_000) {
      const some = Array.from({ length: Math.min(1_000, rows - from) }, (_, at) => town(from + at))
      await legacy.db.insertInto('towns').values(some).execute()
    }
    return await work({ legacy: legacy.db, target: target.db })
  } finally {
    await target.close()
    await legacy.close()
  }
}

async function migrationOf({ legacy, target }: Stores): Promise<Migration> {
  const [from, to] = [kyselySide(legacy), kyselySide(target)]
  const places = defineEntity<Town, Town, Place, Place>({
    name: 'places',
    legacy: from.table('towns', { key: 'town_id' }),
    target: to.table('places', { key: 'id' }) as never,
    toTarget: toPlace,
    toLegacy: toTown,
  })
  const migration = createMigration({ name: 'bench', legacy: from, target: to, entities: [places] })
  await migration.start()
  await migration.advance({ to: 'capture', actor: 'bench', reason: 'bench' })
  await migration.advance({ to: 'dual-write', actor: 'bench', reason: 'bench' })
  return migration
}

/** Keyset pages and multi-row inserts, and nothing else: no checkpoint, no comparison, no regard for anybody's writes. */
async function naiveCopy({ legacy, target }: Stores): Promise<void> {
  for (let last = -1; ; ) {
    const rows = await legacy
      .selectFrom('towns')
      .selectAll()
      .where('town_id', '>', last)
      .orderBy('town_id')
      .limit(1_000)
      .execute()
    if (rows.length === 0) return
    await target.insertInto('places').values(rows.map(toPlace)).execute()
    last = rows.at(-1)?.town_id ?? last
  }
}

async function timed(work: () => Promise<void>): Promise<{ readonly seconds: number; readonly cpuSeconds: number }> {
  const [cpu, begun] = [process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return { seconds: (performance.now() - begun) / 1000, cpuSeconds: (user + system) / 1e6 }
}

async function measure(rows: number, work: () => Promise<void>): Promise<readonly Measurement[]> {
  const { seconds, cpuSeconds } = await timed(work)
  // The store is in this process as well, so that its memory says nothing about the backfill's.
  return [
    { metric: 'seconds', value: seconds, unit: 's' },
    { metric: 'cpu_seconds', value: cpuSeconds, unit: 's' },
    { metric: 'rows_per_second', value: rows / seconds, unit: 'rows/s' },
  ]
}

function rowsOf({ args }: BenchContext): number {
  const asked = args.find((arg) => arg.startsWith('--rows='))?.slice('--rows='.length)
  return asked === undefined ? 138_398 : Number(asked)
}

/** Copies, and checks that it did: a fast copy of half the rows is no result. */
async function copyAll(migration: Migration, rows: number): Promise<void> {
  const [places] = migration.entities
  if (places === undefined) return
  let copied = 0
  for await (const progress of backfill(migration, places, { maxLegacyLoad: 1 })) copied = progress.inserted
  if (copied !== rows) throw new Error(`copied ${copied} of ${rows} rows`)
}

export const towns: Cases = {
  'backfill.naive.sqlite-pglite': (context) => {
    const rows = rowsOf(context)
    return withStores(rows, (stores) => measure(rows, () => naiveCopy(stores)))
  },
  'backfill.ours.sqlite-pglite': (context) => {
    const rows = rowsOf(context)
    return withStores(rows, async (stores) => {
      const migration = await migrationOf(stores)
      const result = await measure(rows, () => copyAll(migration, rows))
      await migration.stop()
      return result
    })
  },
  'sweep.ours.sqlite-pglite': (context) => {
    const rows = rowsOf(context)
    return withStores(rows, async (stores) => {
      const migration = await migrationOf(stores)
      await copyAll(migration, rows)
      await stores.target.deleteFrom('places').where('id', '=', town(10).town_id).execute()
      const found: string[] = []
      const result = await measure(rows, async () => {
        const [places] = migration.entities
        if (places === undefined) return
        for await (const { reason } of reconcile.sweep(migration, places)) found.push(reason)
      })
      await migration.stop()
      context.note(`sweep found: ${found.join(', ') || 'nothing'}`)
      return result
    })
  },
}
