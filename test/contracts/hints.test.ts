import { setTimeout as sleep } from 'node:timers/promises'
import { createMigration, defineEntity } from '@twinspan/core'
import { createMirror } from '@twinspan/dual-write'
import { kyselySide } from '@twinspan/kysely'
import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { OpenDatabase } from '../support/engines.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'

interface DB {
  things: { id: number; label: string }
}

const missing = await postgres.missing()
const who = { actor: 'test', reason: 'the road' }

describe.skipIf(missing !== undefined)(
  `a mirror that listens${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let legacyDb: OpenDatabase<DB>
    let targetDb: OpenDatabase<DB>
    /** Somebody who knows nothing of the library. */
    let psql: pg.Client

    beforeEach(async () => {
      legacyDb = await postgres.open<DB>()
      targetDb = await sqlite.open<DB>()
      psql = new pg.Client({ connectionString: legacyDb.url })
      await psql.connect()
      for (const { db } of [legacyDb, targetDb]) {
        await sql`create table things (id integer primary key, label text not null)`.execute(db)
      }
      return async () => {
        await psql.end()
        await legacyDb.close()
        await targetDb.close()
      }
    })

    async function start(meanwhile: () => Promise<unknown> = async () => {}) {
      const listen = () => new pg.Client({ connectionString: legacyDb.url, application_name: 'ears' })
      const [legacy, target] = [kyselySide(legacyDb.db, { listen }), kyselySide(targetDb.db)]
      const things = defineEntity({
        name: 'things',
        legacy: legacy.table('things', { key: 'id' }),
        target: target.table('things', { key: 'id' }),
        toTarget: (row) => row,
        toLegacy: (row) => row,
      })
      const migration = createMigration({ name: 'hinted', legacy, target, entities: [things] })
      await migration.start()
      for (const to of ['capture', 'dual-write'] as const) await migration.advance({ to, ...who })
      await meanwhile()
      const mirror = createMirror(migration, { pollMs: 60_000 })
      mirror.start()
      onTestFinished(() => migration.stop())
      return { migration, mirror }
    }
    const asleep = () => vi.waitFor(async () => expect(await sleepers(legacyDb.db)).toBe(1), 5_000)

    async function lagOf(id: number): Promise<number> {
      const began = performance.now()
      await psql.query('insert into things (id, label) values ($1, $2)', [id, 'x'])
      await vi.waitFor(
        async () => {
          const row = await targetDb.db.selectFrom('things').select('id').where('id', '=', id).executeTakeFirst()
          expect(row).toEqual({ id })
        },
        { timeout: 5_000, interval: 5 },
      )
      return performance.now() - began
    }

    it('copies at once what somebody else wrote, again and again', async () => {
      await start()
      await asleep()
      for (let id = 1; id <= 5; id++) {
        expect(await lagOf(id)).toBeLessThan(1_000)
        if (id % 2 === 0) await asleep()
      }
    })

    it('listens again when its connection was ended, and has missed nothing', async () => {
      await start()
      await asleep()
      await psql.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ears'
      and datname = current_database()`)
      expect(await lagOf(1)).toBeLessThan(3_000)
      await asleep()
      expect(await lagOf(2)).toBeLessThan(1_000)
    })

    it('is woken by the end of a call that another process made', async () => {
      const { migration } = await start()
      await asleep()
      let mirrored = 0
      migration.events.on('mirrored', () => mirrored++)
      const other = kyselySide(legacyDb.db).bind({ migration: 'hinted', side: 'legacy', intents: true })
      const call = { call: 'a', entity: 'things', keys: ['1'] }
      await other.intents?.begin(call, { holdMs: 60_000 })
      await other.intents?.end([call])
      await vi.waitFor(() => expect(mirrored).toBe(1), 2_000)
    })

    it('does not sleep while a transaction is open that told nobody', async () => {
      await start(async () => {
        await psql.query('begin')
        await psql.query(`insert into things (id, label) values (1, 'untold')`)
      })
      await sleep(600)
      expect(await sleepers(legacyDb.db)).toBe(0)
      await psql.query('commit')
      await vi.waitFor(async () => expect(await labels(targetDb.db)).toEqual(['untold']), 2_000)
      await asleep()
      // One that is open already when somebody sleeps tells when it commits.
      await psql.query('begin')
      await psql.query(`insert into things (id, label) values (2, 'told')`)
      await psql.query('commit')
      await vi.waitFor(async () => expect(await labels(targetDb.db)).toEqual(['untold', 'told']), 2_000)
    })

    it('is told nothing while it is up, and leaves no connection and no lock behind', async () => {
      const { mirror } = await start()
      await asleep()
      await mirror.stop()
      await vi.waitFor(async () => expect(await sleepers(legacyDb.db)).toBe(0))
      const heard: unknown[] = []
      psql.on('notification', (message) => heard.push(message.payload))
      await psql.query('listen twinspan_document')
      for (let id = 1; id <= 20; id++) await psql.query('insert into things (id, label) values ($1, $2)', [id, 'x'])
      await sleep(50)
      expect(heard).toEqual([])
      const ears = sql`select 1 from pg_stat_activity where application_name = 'ears' and datname = current_database()`
      await vi.waitFor(async () => expect((await ears.execute(legacyDb.db)).rows).toEqual([]))
    })

    it('is told of what the wrapper captured in another process', async () => {
      const { migration } = await start()
      await asleep()
      const elsewhere = kyselySide(await legacyDb.connect()).bind({ migration: migration.name, side: 'legacy' })
      await migration.sides.legacy.capture.uninstall([{ name: 'things', store: migration.entities[0]!.legacy }])
      await elsewhere.captureWrite({ entity: 'things', keys: () => [9] }, (db) =>
        (db as Kysely<DB>).insertInto('things').values({ id: 9, label: 'captured' }).execute(),
      )
      await vi.waitFor(async () => expect(await labels(targetDb.db)).toEqual(['captured']), 1_500)
    })
  },
)

async function sleepers(db: Kysely<DB>): Promise<number> {
  const held = sql`select 1 from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.granted and a.application_name = 'ears'
      and a.datname = current_database()`
  return (await held.execute(db)).rows.length
}

async function labels(db: Kysely<DB>): Promise<readonly string[]> {
  return (await db.selectFrom('things').select('label').orderBy('id').execute()).map(({ label }) => label)
}
