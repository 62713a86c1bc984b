import { InvalidOptionError, type MigrationStore } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { OpenDatabase } from '../../../test/support/engines.ts'
import { postgres } from '../../../test/support/postgres.ts'
import { sqlite } from '../../../test/support/sqlite.ts'
import { kyselyStateStore } from '../src/index.ts'

const missing = await postgres.missing()

describe.skipIf(missing !== undefined)(`on PostgreSQL${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  describe('a store that listens', () => {
    let database: OpenDatabase<unknown>
    let store: MigrationStore
    let heard: number
    let end: () => Promise<void>
    beforeEach(async () => {
      database = await postgres.open()
      const listen = (): pg.Client => new pg.Client({ connectionString: database.url, application_name: 'ears' })
      const states = kyselyStateStore(database.db, { listen })
      store = states.bind('moving')
      await store.prepare()
      heard = 0
      end = store.follow!('rollout', () => heard++)
      await vi.waitUntil(() => heard === 1)
    })
    afterEach(async () => {
      await end()
      await database.close()
    })

    it('is told of a write that has committed, and of nothing else', async () => {
      await store.putDocument('rollout', 1, { hint: true })
      await vi.waitFor(() => expect(heard).toBe(2))
      await store.putDocument('rollout', 2)
      await store.putDocument('rollout', 3, { expected: 7, hint: true })
      await store.putDocument('another', 1, { hint: true })
      await kyselyStateStore(database.db).bind('elsewhere').putDocument('rollout', 1, { hint: true })
      await store.putDocument('rollout', 4, { hint: true })
      await vi.waitFor(() => expect(heard).toBe(3))
    })

    it('connects anew when its connection was ended, and takes that for a reason to read', async () => {
      await endEars(database.db)
      await vi.waitFor(() => expect(heard).toBe(2), 5_000)
      await store.putDocument('rollout', 1, { hint: true })
      await vi.waitFor(() => expect(heard).toBe(3))
    })

    it('leaves no connection behind when nobody follows', async () => {
      await end()
      await store.putDocument('rollout', 1, { hint: true })
      await vi.waitFor(async () => expect(await ears(database.db)).toBe(0))
      expect(heard).toBe(1)
    })
  })
})

describe('listen', () => {
  it('is refused on an engine that cannot tell', async () => {
    const { db, close } = await sqlite.open()
    expect(() => kyselyStateStore(db, { listen: () => new pg.Client() })).toThrow(InvalidOptionError)
    await close()
  })
})

async function ears(db: Kysely<unknown>): Promise<number> {
  const query = sql<{
    pid: number
  }>`select pid from pg_stat_activity where application_name = 'ears' and datname = current_database()`
  return (await query.execute(db)).rows.length
}

async function endEars(db: Kysely<unknown>): Promise<void> {
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'ears' and datname = current_database()`.execute(db)
}
