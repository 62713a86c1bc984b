import { backfill } from '@twinspan/backfill'
import { createMigration, defineEntity, type EntityOptions, type SweepRecord, sameColumns } from '@twinspan/core'
import { walkTo } from '@twinspan/core/testing'
import { createMirror } from '@twinspan/dual-write'
import { type KyselySide, kyselySide } from '@twinspan/kysely'
import { type ProgressOfSweep, reconcile } from '@twinspan/reconcile'
import { type Kysely, sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import type { Engine, OpenDatabase } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { allPlaces, oddPlaces, type Place } from '../support/places.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'

const isLong = process.env['TWINSPAN_LONG'] === '1'

/** The old table, on any engine. */
interface Gazetteer {
  place_no: number
  place_nm: string
  other_nm: string
  ctry_cd: string
  adm_cd: string
  feat_cd: string
  muni_cd: string | null
  popul: number
  lat: number
  lon: number
}

/** The new one, with the same columns under other names. */
type Places = Place

/** The new one, with other columns. */
interface Sites {
  id: number
  title: string
  variants: string
  region: string
  kind: string
  muni: string | null
  people: string
  position: string
}

interface Tables {
  gazetteer: Gazetteer
  places: Places
  sites: Sites
}

const GAZETTEER = `create table gazetteer (place_no int primary key, place_nm TEXT not null, other_nm TEXT not null,
  ctry_cd TEXT not null, adm_cd TEXT not null, feat_cd TEXT not null, muni_cd TEXT, popul int not null,
  lat double precision not null, lon double precision not null)`
const PLACES = `create table places (id int primary key, name TEXT not null, other TEXT not null, country TEXT not null,
  admin TEXT not null, feature TEXT not null, muni TEXT, population int not null, latitude double precision not null,
  longitude double precision not null)`
const SITES = `create table sites (id int primary key, title TEXT not null, variants TEXT not null, region TEXT not null,
  kind TEXT not null, muni TEXT, people TEXT not null, position TEXT not null)`

const NAMES = {
  place_no: 'id',
  place_nm: 'name',
  other_nm: 'other',
  ctry_cd: 'country',
  adm_cd: 'admin',
  feat_cd: 'feature',
  muni_cd: 'muni',
  popul: 'population',
  lat: 'latitude',
  lon: 'longitude',
} as const

function toSite(row: Gazetteer): Sites {
  return {
    id: row.place_no,
    title: row.place_nm.toUpperCase() === row.place_nm ? `=${row.place_nm}` : row.place_nm,
    variants: JSON.stringify(row.other_nm === '' ? [] : [row.other_nm]),
    region: `${row.ctry_cd}/${row.adm_cd}`,
    kind: row.feat_cd.toLowerCase(),
    muni: row.muni_cd,
    people: String(row.popul),
    position: JSON.stringify([row.lat, row.lon]),
  }
}

function toGazetteer(site: Sites): Gazetteer {
  const [lat, lon] = JSON.parse(site.position) as readonly [number, number]
  const [ctry_cd = '', adm_cd = ''] = site.region.split('/')
  return {
    place_no: site.id,
    place_nm: site.title.replace(/^=/, ''),
    other_nm: (JSON.parse(site.variants) as readonly string[])[0] ?? '',
    ctry_cd,
    adm_cd,
    feat_cd: site.kind.toUpperCase(),
    muni_cd: site.muni,
    popul: Number(site.people),
    lat,
    lon,
  }
}

const textOf = (engine: Engine['name']): string => (engine === 'mariadb' ? 'varchar(190)' : 'text')

async function create(db: Kysely<Tables>, engine: Engine['name'], statement: string): Promise<void> {
  await sql.raw(statement.replaceAll('TEXT', textOf(engine))).execute(db)
}

async function fill(db: Kysely<Tables>, places: readonly Place[]): Promise<void> {
  const rows = places.map(
    (place): Gazetteer => ({
      place_no: place.id,
      place_nm: place.name,
      other_nm: place.other,
      ctry_cd: place.country,
      adm_cd: place.admin,
      feat_cd: place.feature,
      muni_cd: place.muni,
      popul: place.population,
      lat: place.latitude,
      lon: place.longitude,
    }),
  )
  await db.transaction().execute(async (transaction) => {
    for (let from = 0; from < rows.length; from += 1_000) {
      await transaction
        .insertInto('gazetteer')
        .values(rows.slice(from, from + 1_000))
        .execute()
    }
  })
}

interface Moved {
  readonly record: SweepRecord
  readonly findings: readonly unknown[]
  readonly inserted: number
  readonly readsRowsBecause: string | undefined
}

/** A whole move: capture, history, mirror, and a sweep of both sides. */
async function move<Legacy, Target>(
  name: string,
  legacy: KyselySide<Legacy>,
  target: KyselySide<Target>,
  entity: EntityOptions<never, never, never, never>,
): Promise<Moved> {
  const places = defineEntity(entity)
  const migration = createMigration({ name, legacy, target, entities: [places] })
  await migration.start()
  const mirror = createMirror(migration)
  try {
    await walkTo(migration, 'dual-write')
    let inserted = 0
    for await (const progress of backfill(migration, migration.entities[0]!, { maxLegacyLoad: 1 })) {
      inserted = progress.inserted
    }
    await mirror.drain()
    let last: ProgressOfSweep | undefined
    const onProgress = (progress: ProgressOfSweep): void => {
      last = progress
    }
    const findings: unknown[] = []
    const sweep = reconcile.sweep(migration, migration.entities[0]!, {
      maxPrimaryLoad: 1,
      reveal: 'values',
      onProgress,
    })
    for (;;) {
      const step = await sweep.next()
      if (step.done === true) {
        return { record: step.value, findings, inserted, readsRowsBecause: last?.readsRowsBecause }
      }
      findings.push(step.value)
    }
  } finally {
    await mirror.stop()
    await migration.stop()
  }
}

/** The old table as it is now, read without any code of ours. */
async function readGazetteer(db: Kysely<Tables>): Promise<readonly Place[]> {
  const { rows } = await sql<Gazetteer>`select * from gazetteer order by place_no`.execute(db)
  return rows.map((row) => ({
    id: row.place_no,
    name: row.place_nm,
    other: row.other_nm,
    country: row.ctry_cd,
    admin: row.adm_cd,
    feature: row.feat_cd,
    muni: row.muni_cd,
    population: row.popul,
    longitude: row.lon,
    latitude: row.lat,
  }))
}

const missing = { postgres: await postgres.missing(), mariadb: await mariadb.missing() }
if (process.env['CI'] === 'true' && (missing.postgres ?? missing.mariadb) !== undefined) {
  throw new Error(missing.postgres ?? missing.mariadb)
}

for (const engine of [mariadb, sqlite]) {
  const reason = missing.postgres ?? (engine === mariadb ? missing.mariadb : undefined)
  const skipped = reason === undefined ? '' : ` (skipped: ${reason})`

  describe.skipIf(reason !== undefined)(`real places of ${engine.name}${skipped}`, () => {
    async function thereAndBack(places: readonly Place[], mapping: 'columns' | 'function'): Promise<void> {
      const open: OpenDatabase<Tables>[] = []
      const opened = async (one: Engine): Promise<Kysely<Tables>> => {
        open.push(await one.open<Tables>())
        return open.at(-1)!.db
      }
      try {
        const [first, middle, last] = [await opened(engine), await opened(postgres), await opened(engine)]
        await create(first, engine.name, GAZETTEER)
        await create(middle, 'postgres', mapping === 'columns' ? PLACES : SITES)
        await create(last, engine.name, GAZETTEER)
        await fill(first, places)

        const sides = { first: kyselySide(first), middle: kyselySide(middle), last: kyselySide(last) }
        const old = (side: KyselySide<Tables>) => side.table('gazetteer', { key: 'place_no' })
        const backwards = Object.fromEntries(Object.entries(NAMES).map(([from, to]) => [to, from]))
        const there =
          mapping === 'columns'
            ? { target: sides.middle.table('places', { key: 'id' }), ...sameColumns(NAMES) }
            : { target: sides.middle.table('sites', { key: 'id' }), toTarget: toSite, toLegacy: toGazetteer }
        const back =
          mapping === 'columns'
            ? { legacy: sides.middle.table('places', { key: 'id' }), ...sameColumns(backwards) }
            : { legacy: sides.middle.table('sites', { key: 'id' }), toTarget: toGazetteer, toLegacy: toSite }
        const ways = [
          await move('there', sides.first, sides.middle, {
            name: 'places',
            legacy: old(sides.first),
            ...there,
          } as never),
          await move('back', sides.middle, sides.last, { name: 'places', target: old(sides.last), ...back } as never),
        ]
        for (const { findings, record, inserted, readsRowsBecause } of ways) {
          expect(findings).toEqual([])
          expect(record).toMatchObject({ rows: places.length, drift: 0, undecided: 0, parity: 1 })
          expect(inserted).toBe(places.length)
          if (mapping === 'columns') expect(readsRowsBecause).toBeUndefined()
          else expect(readsRowsBecause).toBe('the entity names no columns')
        }
        const arrived = await readGazetteer(last)
        // By place first: a difference of a hundred thousand rows tells nobody anything.
        expect(arrived.filter((place, at) => JSON.stringify(place) !== JSON.stringify(places[at]))).toEqual([])
        expect(arrived).toEqual(places)
        if (mapping === 'columns') {
          const { rows } = await sql<Place>`select * from places order by id`.execute(middle)
          expect(rows).toEqual(places)
        }
      } finally {
        for (const database of open) await database.close()
      }
    }

    describe.each(['columns', 'function'] as const)('mapped by %s', (mapping) => {
      it('come to PostgreSQL and back as they were: the odd ones', () => thereAndBack(oddPlaces(), mapping), 60_000)

      it.runIf(isLong)(
        'come to PostgreSQL and back as they were: all',
        () => thereAndBack(allPlaces(), mapping),
        600_000,
      )
    })
  })
}
