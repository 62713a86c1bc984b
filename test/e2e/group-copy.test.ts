import { createMigration, defineEntity, type Migration, PHASES } from '@twinspan/core'
import { createMirror } from '@twinspan/dual-write'
import { kyselySide } from '@twinspan/kysely'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../support/engines.ts'
import { sqlite } from '../support/sqlite.ts'

interface Person {
  id: number
  email: string
  boss_id: number | null
}

interface Badge {
  id: number
  person_id: number
  code: string
}

interface Legacy {
  people: Person
  badges: Badge
}

interface Target {
  people: Person & { hash: string | null }
  badges: Badge
  sessions: { id: number; person_id: number }
}

await eachEngine((engine) => {
  describe(`rows that block each other, copied to ${engine.name}`, () => {
    let source: OpenDatabase<Legacy>
    let opened: OpenDatabase<Target>
    let migration: Migration

    const people = async (): Promise<string[]> =>
      (await opened.db.selectFrom('people').selectAll().orderBy('id').execute()).map((row) =>
        [row.id, row.email, row.boss_id, row.hash].join(),
      )
    const inOneTransaction = (...statements: string[]): Promise<void> =>
      source.db.transaction().execute(async (transaction) => {
        for (const statement of statements) await sql.raw(statement).execute(transaction)
      })
    const drain = () => createMirror(migration, { firstRetryMs: 10, longestRetryMs: 10 }).drain()

    beforeEach(async () => {
      source = await sqlite.open<Legacy>()
      opened = await engine.open<Target>()
      const { db } = opened
      const text = engine.name === 'mariadb' ? 'varchar(80)' : 'text'
      const make = async (on: Kysely<never>, statements: readonly string[]): Promise<void> => {
        for (const statement of statements) await sql.raw(statement).execute(on)
      }
      await make(source.db as never, [
        'create table people (id integer primary key, email text not null, boss_id integer)',
        'create table badges (id integer primary key, person_id integer not null, code text)',
      ])
      if (engine.name === 'sqlite') await sql`pragma foreign_keys = on`.execute(db)
      await make(db as never, [
        `create table people (id integer primary key, email ${text} not null unique, boss_id integer, hash ${text},
          foreign key (boss_id) references people (id))`,
        `create table badges (id integer primary key, person_id integer not null, code ${text} unique,
          foreign key (person_id) references people (id))`,
        `create table sessions (id integer primary key, person_id integer not null,
          foreign key (person_id) references people (id) on delete cascade)`,
      ])
      const legacy = kyselySide(source.db)
      const target = kyselySide(db)
      const same = <Row>(row: Row): Row => row
      migration = createMigration({
        name: 'group-copy',
        legacy,
        target,
        entities: [
          defineEntity({
            name: 'people',
            legacy: legacy.table('people', { key: 'id' }),
            target: target.table('people', { key: 'id' }),
            toTarget: ({ id, email, boss_id }) => ({ id, email, boss_id }) as never,
            toLegacy: ({ id, email, boss_id }) => ({ id, email, boss_id }),
          }),
          defineEntity({
            name: 'badges',
            legacy: legacy.table('badges', { key: 'id' }),
            target: target.table('badges', { key: 'id' }),
            toTarget: same,
            toLegacy: same,
          }),
        ],
      })
      await migration.start()
      for (const to of PHASES.slice(1, PHASES.indexOf('dual-write') + 1)) {
        await migration.advance({ to, actor: 'ops', reason: 'test', acknowledgeMs: 0 })
      }
      await inOneTransaction(
        `insert into people values (1, 'a', null), (2, 'b', 1), (3, 'c', 1)`,
        `insert into badges values (1, 1, 'x'), (2, 2, 'y')`,
      )
      await drain()
      await make(db as never, [
        `update people set hash = ${engine.name === 'sqlite' ? "'h' || id" : "concat('h', id)"}`,
        'insert into sessions values (1, 1), (2, 2), (3, 3)',
      ])
    }, 60_000)

    afterEach(async () => {
      await migration.stop()
      await opened.close()
      await source.close()
    })

    it('swaps and rings arrive, and neither hashes nor sessions of the target are lost', async () => {
      await inOneTransaction(
        `update people set email = case id when 1 then 'b' when 2 then 'c' else 'a' end`,
        `update badges set code = case id when 1 then 'y' else 'x' end`,
      )
      expect(await drain()).toMatchObject({ depth: 0 })
      expect(await people()).toEqual(['1,b,,h1', '2,c,1,h2', '3,a,1,h3'])
      expect(
        (await opened.db.selectFrom('badges').select('code').orderBy('id').execute()).map((row) => row.code),
      ).toEqual(['y', 'x'])
      expect(await opened.db.selectFrom('sessions').selectAll().execute()).toHaveLength(3)
    }, 30_000)

    it('a parent arrives with its children, whichever was written first', async () => {
      await inOneTransaction(
        `insert into badges values (9, 9, 'z')`,
        `insert into people values (8, 'e', 9)`,
        `insert into people values (9, 'd', null)`,
      )
      expect(await drain()).toMatchObject({ depth: 0 })
      expect((await people()).slice(3)).toEqual(['8,e,9,', '9,d,,'])
    }, 30_000)

    it('a new parent takes the place and the values of the one that goes, while children move over', async () => {
      await inOneTransaction(
        'delete from people where id = 1',
        `insert into people values (5, 'a', null)`,
        'update people set boss_id = 5 where boss_id = 1',
        'update badges set person_id = 5 where person_id = 1',
      )
      expect(await drain()).toMatchObject({ depth: 0 })
      expect(await people()).toEqual(['2,b,5,h2', '3,c,5,h3', '5,a,,'])
    }, 30_000)
  })
})
