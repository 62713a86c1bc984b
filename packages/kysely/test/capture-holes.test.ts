import type { BoundSide, EntityStore, FenceRow, SideFinding } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Engine, eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide } from '../src/index.ts'

const OPEN: Omit<FenceRow, 'revision'> = {
  incarnation: 'i.1',
  epoch: 2,
  phase: 'capture',
  primary: 'legacy',
  open: true,
  pending: null,
  unrecorded: [],
}
const SCOPE = { migration: 'holes', side: 'legacy' } as const

// biome-ignore lint/suspicious/noExplicitAny: every test has tables of its own
type Tables = any

await eachEngine((engine) => {
  describe(`capture of unusual tables and statements on ${engine.name}`, () => {
    const isPostgres = engine.name === 'postgres' || engine.name === 'pglite'
    let opened: OpenDatabase<Tables>
    let db: Kysely<Tables>
    let legacy: BoundSide
    const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(db)
    const captured = new Map<string, EntityStore>()
    const entities = () => [...captured].map(([name, store]) => ({ name, store }))

    /** Captures a table, named like its entity, by its key. */
    async function capture(name: string, key: string | readonly [string, ...string[]]): Promise<EntityStore> {
      const store = kyselySide(db).table(name, { key }) as EntityStore
      await store.check?.()
      captured.set(name, store)
      await legacy.capture.install([{ name, store }])
      return store
    }
    const marks = async (): Promise<string[]> => {
      const rows = await legacy.journal.read({ limit: 1_000 })
      await legacy.journal.remove(rows.map(({ id }) => id))
      return [...new Set(rows.map(({ entity, key }) => `${entity} ${key}`))].sort()
    }
    const refusals = async (): Promise<readonly SideFinding[]> => {
      const found = (await legacy.examine?.({ entities: entities(), capture: 'trigger' })) ?? []
      return found.filter(({ severity }) => severity === 'refuse')
    }

    beforeEach(async () => {
      captured.clear()
      opened = await engine.open<Tables>()
      db = opened.db
      legacy = kyselySide(db).bind(SCOPE)
      await legacy.prepare()
      await legacy.fence.change(0, OPEN)
    })
    afterEach(() => opened.close())

    it('lets a row without a key pass, and marks nothing for it', async () => {
      await run(`create table codes (code ${text(engine)} unique, region integer, note ${text(engine)})`)
      await run(
        `create table places (region integer, code ${text(engine)}, note ${text(engine)}, unique (region, code))`,
      )
      await capture('codes', 'code')
      await capture('places', ['region', 'code'])
      await run(`insert into codes (code, note) values (null, 'a'), ('x', 'b')`)
      await run(`insert into places (region, code, note) values (1, null, 'a'), (null, 'x', 'b'), (2, 'y~|', 'c')`)
      expect(await marks()).toEqual(['codes x', 'places 2|y~0~1'])
      await run(`update codes set code = 'y' where code is null`)
      await run(`update places set code = null where region = 2`)
      expect(await marks()).toEqual(['codes y', 'places 2|y~0~1'])
      await run(`update places set note = 'z' where code is null`)
      await run(`delete from places where code is null`)
      expect(await marks()).toEqual([])
    })

    it('captures tables with generated columns, a key among them', async () => {
      await run(`create table sums (id integer primary key, a integer not null,
        double_a integer generated always as (a * 2) stored ${engine.name === 'mariadb' ? '' : 'not null'}, unique (double_a))`)
      await capture('sums', 'double_a')
      await run('insert into sums (id, a) values (1, 4)')
      expect(await marks()).toEqual(['sums 8'])
      await run('update sums set a = 5')
      expect(await marks()).toEqual(['sums 10', 'sums 8'])
    })

    it('tells keys apart that the column calls equal', async () => {
      const kind = {
        sqlite: 'text collate nocase',
        pglite: 'numeric',
        postgres: 'numeric',
        mariadb: 'varchar(20) collate utf8mb4_general_ci',
      }[engine.name]
      const [first, second] = isPostgres ? ['7.0', '7.00'] : [`'abc'`, `'ABC'`]
      await run(`create table names (name ${kind} primary key, note ${text(engine)})`)
      await capture('names', 'name')
      await run(`insert into names (name) values (${first})`)
      await marks()
      await run(`update names set name = ${second}`)
      expect(await marks()).toEqual([first, second].map((key) => `names ${key?.replaceAll("'", '')}`).sort())
      if (isPostgres) return
      await run(`replace into names (name) values (${first})`)
      expect(await marks()).toEqual(['names ABC', 'names abc'])
    })

    it('does not take a view for a table', async () => {
      await run('create table base (id integer primary key)')
      await run('create view seen as select id from base')
      await expect(capture('seen', 'id')).rejects.toMatchObject({ code: 'TWINSPAN_UNKNOWN_TABLE' })
    })

    if (isPostgres) {
      it('captures what passes through a view, an upsert, a MERGE and a rule of another trigger', async () => {
        await run('create table base (id int primary key, n int not null default 0)')
        await run('create view seen as select id, n from base where id < 100')
        await capture('base', 'id')
        await run('insert into seen (id) values (1)')
        await run('insert into base (id) values (1), (2) on conflict (id) do update set n = base.n + 1')
        expect(await marks()).toEqual(['base 1', 'base 2'])
        await run('insert into base (id) values (1), (3) on conflict do nothing')
        expect(await marks()).toEqual(['base 3'])
        await run(`merge into base using (values (2, 5), (9, 9)) as v (id, n) on base.id = v.id
          when matched and v.n = 5 then delete when not matched then insert (id, n) values (v.id, v.n)`)
        expect(await marks()).toEqual(['base 2', 'base 9'])
        await run(
          'with gone as (delete from base where id = 9 returning id) insert into base (id) select id + 1 from gone',
        )
        expect(await marks()).toEqual(['base 10', 'base 9'])
        await run(`create function move() returns trigger language plpgsql as
          $$ begin new.id := new.id + 1000; return new; end $$`)
        await run('create trigger move before insert on base for each row execute function move()')
        await run('insert into base (id) values (5)')
        expect(await marks()).toEqual(['base 1005'])
      })

      it('captures a partitioned table, whichever partition is written, and rows that move between them', async () => {
        await run(
          'create table events (id int not null, day int not null, primary key (id, day)) partition by range (day)',
        )
        await run('create table events_1 partition of events for values from (0) to (10)')
        await run('create table events_2 partition of events for values from (10) to (20)')
        await capture('events', ['id', 'day'])
        await run('create table events_3 partition of events for values from (20) to (30)')
        await run('insert into events (id, day) values (1, 1), (2, 11)')
        await run('insert into events_3 (id, day) values (3, 21)')
        expect(await marks()).toEqual(['events 1|1', 'events 2|11', 'events 3|21'])
        await run('update events set day = 12 where id = 1')
        expect(await marks()).toEqual(['events 1|1', 'events 1|12'])
        await run('truncate events')
        expect(await marks()).toEqual(['events 1|12', 'events 2|11', 'events 3|21'])
        expect(await legacy.capture.verify(entities())).toEqual([])
        expect(await refusals()).toEqual([])
      })

      it('misses, as documented, a partition that is truncated, detached or dropped by itself', async () => {
        await run('create table events (id int primary key) partition by range (id)')
        await run('create table events_1 partition of events for values from (0) to (10)')
        await capture('events', 'id')
        await run('insert into events (id) values (1)')
        await marks()
        await run('truncate events_1')
        expect(await marks()).toEqual([])
      })

      it('misses, as the doctor says, rows of tables that inherit', async () => {
        await run('create table people (id int primary key)')
        await capture('people', 'id')
        expect(await refusals()).toEqual([])
        await run('create table staff () inherits (people)')
        await run('insert into staff (id) values (7)')
        expect(await marks()).toEqual([])
        expect(await refusals()).toEqual([
          expect.objectContaining({ name: 'inheritance', refuses: ['capture', 'dual-write', 'shadow', 'canary'] }),
        ])
      })

      it('keeps tables of one name in two schemas apart', async () => {
        await run('create schema other')
        for (const schema of ['public', 'other']) {
          await run(`create table ${schema}.things (id int primary key)`)
          const side = kyselySide(db.withSchema(schema))
          const bound = side.bind(SCOPE)
          await bound.prepare()
          if ((await bound.fence.read()) === undefined) await bound.fence.change(0, OPEN)
          await bound.capture.install([{ name: schema, store: side.table('things', { key: 'id' }) as EntityStore }])
        }
        await run('insert into public.things (id) values (1)')
        await run('insert into other.things (id) values (2)')
        expect(await marks()).toEqual(['public 1'])
        const other = kyselySide(db.withSchema('other')).bind(SCOPE)
        expect((await other.journal.read({ limit: 9 })).map(({ key }) => key)).toEqual(['2'])
      })
    }

    if (engine.name === 'postgres') {
      it('captures a COPY, and a writer whose temporary table hides the journal', async () => {
        await run('create table base (id int primary key)')
        await capture('base', 'id')
        await run(`copy base from program 'printf "4\\n5\\n"'`)
        expect(await marks()).toEqual(['base 4', 'base 5'])
        await db.connection().execute(async (connection) => {
          await sql`create temp table twinspan_journal (id int)`.execute(connection)
          await sql`create temp table twinspan_fence (id int)`.execute(connection)
          await sql`insert into base (id) values (6)`.execute(connection)
          await sql`drop table pg_temp.twinspan_journal, pg_temp.twinspan_fence`.execute(connection)
        })
        expect(await marks()).toEqual(['base 6'])
      })
    }

    if (engine.name === 'mariadb') {
      it('captures REPLACE, upserts of another row, and statements over several tables', async () => {
        await run('create table people (id int primary key, mail varchar(50) unique, boss int)')
        await capture('people', 'id')
        await run(`insert into people (id, mail) values (1, 'a'), (2, 'b')`)
        await marks()
        await run(`replace into people (id, mail) values (3, 'a')`)
        expect(await marks()).toEqual(['people 1', 'people 3'])
        await run(`insert into people (id, mail) values (9, 'b') on duplicate key update mail = 'c'`)
        expect(await marks()).toContain('people 2')
        await run(`insert ignore into people (id, mail) values (3, 'x'), (4, 'd')`)
        expect(await marks()).toEqual(['people 4'])
        await run('update people p join people q on q.id = 4 set p.boss = 4 where p.id = 2')
        expect(await marks()).toEqual(['people 2'])
        await run('delete p, q from people p join people q on p.boss = q.id')
        expect(await marks()).toEqual(['people 2', 'people 4'])
      })

      it('writes integers as drivers hand them out, whatever their display is', async () => {
        await run('create table padded (id int(6) unsigned zerofill, day smallint zerofill, primary key (id, day))')
        const store = await capture('padded', ['id', 'day'])
        await run('insert into padded (id, day) values (7, 3)')
        expect(await marks()).toEqual(['padded 7|3'])
        expect(await store.load([['7', '3']])).toHaveLength(1)
      })

      it('misses, as the doctor says, what a foreign key cascades, but for parts of their own record', async () => {
        await run('create table products (id int primary key)')
        await run('create table orders (id int primary key)')
        await run(`create table order_lines (id int primary key, order_id int, product int,
          constraint own foreign key (order_id) references orders (id) on delete cascade,
          constraint foreign_product foreign key (product) references products (id) on delete set null)`)
        const parts = { lines: { table: 'order_lines', key: 'id', parent: 'order_id' } } as const
        const store = kyselySide(db).table('orders', { key: 'id', parts }) as unknown as EntityStore
        captured.set('orders', store)
        await legacy.capture.install(entities())
        await run('insert into products (id) values (1)')
        await run('insert into orders (id) values (1)')
        await run('insert into order_lines (id, order_id, product) values (10, 1, 1)')
        await marks()
        await run('delete from products')
        expect(await marks()).toEqual([])
        expect(await refusals()).toEqual([
          expect.objectContaining({
            name: 'cascades',
            detail: 'triggers do not see what foreign keys cascade (order_lines.foreign_product)',
            refuses: ['capture', 'dual-write', 'shadow', 'canary'],
          }),
        ])
        await run('alter table order_lines drop foreign key foreign_product')
        expect(await refusals()).toEqual([])
        captured.clear()
        captured.set('lines', kyselySide(db).table('order_lines', { key: 'id' }) as EntityStore)
        expect((await refusals())[0]?.detail).toContain('order_lines.own')
      })

      it('reads columns that are invisible', async () => {
        await run('create table people (id int primary key, mail varchar(50), secret varchar(50) invisible)')
        const store = await capture('people', 'id')
        const row = { id: 1, mail: 'a', secret: 's' }
        await store.save([row])
        expect(await store.load([1])).toEqual([row])
        expect(await store.scan({ limit: 9 })).toEqual([row])
      })

      it('misses, as documented, a part that is truncated', async () => {
        await run('create table orders (id int primary key)')
        await run('create table order_lines (id int primary key, order_id int)')
        const parts = { lines: { table: 'order_lines', key: 'id', parent: 'order_id' } } as const
        captured.set('orders', kyselySide(db).table('orders', { key: 'id', parts }) as unknown as EntityStore)
        await legacy.capture.install(entities())
        await run('insert into order_lines (id, order_id) values (1, 1)')
        expect(await marks()).toEqual(['orders 1'])
        await run('truncate order_lines')
        expect(await marks()).toEqual([])
      })
    }

    if (engine.name === 'sqlite') {
      it('marks what REPLACE displaces by a partial index, and lives with one over an expression', async () => {
        await run('create table people (id integer primary key, mail text, gone integer not null default 0)')
        await run('create unique index partial on people (mail) where gone = 0')
        await run('create unique index folded on people (lower(mail)) where gone = 2')
        await capture('people', 'id')
        await run(`insert into people (id, mail) values (1, 'a'), (2, 'b')`)
        await marks()
        await run(`replace into people (id, mail) values (3, 'a')`)
        expect(await marks()).toEqual(['people 1', 'people 3'])
        await run(`insert into people (id, mail) values (3, 'x') on conflict (id) do update set mail = 'y'`)
        expect(await marks()).toEqual(['people 3'])
      })

      it('misses, as documented, what REPLACE displaces by an index over an expression', async () => {
        await run('create table people (id integer primary key, mail text)')
        await run('create unique index folded on people (lower(mail))')
        await capture('people', 'id')
        await run(`insert into people (id, mail) values (1, 'a')`)
        await marks()
        await run(`replace into people (id, mail) values (2, 'A')`)
        expect(await marks()).toEqual(['people 2'])
      })

      it('marks what a foreign key cascades, and the rowid table without a rowid', async () => {
        await run('pragma foreign_keys = on')
        await run('create table people (id integer primary key)')
        await run(
          `create table pets (id integer primary key, owner integer references people (id) on delete cascade) without rowid`,
        )
        await capture('pets', 'id')
        await run('insert into people (id) values (1)')
        await run('insert into pets (id, owner) values (7, 1)')
        await marks()
        await run('delete from people')
        expect(await marks()).toEqual(['pets 7'])
      })
    }
  })
})

function text({ name }: Engine): string {
  return name === 'mariadb' ? 'varchar(50)' : 'text'
}
