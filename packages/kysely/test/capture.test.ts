import { type BoundSide, type FenceRow, keyText, parseKey } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Engine, eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { captureSql, kyselySide } from '../src/index.ts'

interface Tables {
  readonly seats: { readonly plane: string; readonly seat: number; readonly holder: string | null }
  readonly people: { readonly id: number; readonly mail: string | null }
}

const OPEN: Omit<FenceRow, 'revision'> = {
  incarnation: 'i.1',
  epoch: 2,
  phase: 'capture',
  primary: 'legacy',
  open: true,
  pending: null,
  unrecorded: [],
}

// Names that have to be quoted everywhere they go.
const SCOPE = { migration: `people's "move" to 東京 ?`, side: 'legacy' } as const
const ENTITY = `o'seats`

const text = (engine: Engine['name']): string => (engine === 'mariadb' ? 'varchar(100) collate utf8mb4_bin' : 'text')

await eachEngine((engine) => {
  describe(`capture by triggers on ${engine.name}`, () => {
    let opened: OpenDatabase<Tables>
    let db: Kysely<Tables>
    let legacy: BoundSide
    const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(db)
    const side = () => kyselySide(db)
    const entities = () => [
      { name: ENTITY, store: side().table('seats', { key: ['plane', 'seat'] }) },
      { name: 'people', store: side().table('people', { key: 'id' }) },
    ]
    const marks = async (): Promise<string[]> => {
      const rows = await legacy.journal.read({ limit: 1_000 })
      await legacy.journal.remove(rows.map(({ id }) => id))
      return rows.map(({ entity, key }) => `${entity} ${key}`)
    }

    beforeEach(async () => {
      opened = await engine.open<Tables>()
      db = opened.db
      const type = text(engine.name)
      await run(
        `create table seats (plane ${type} not null, seat integer not null, holder ${type}, primary key (plane, seat))`,
      )
      await run(`create table people (id integer primary key, mail ${type} unique)`)
      legacy = side().bind(SCOPE)
      await legacy.prepare()
      await legacy.fence.change(0, OPEN)
      await legacy.capture.install(entities())
    })
    afterEach(() => opened.close())

    it('marks the rows of statements that no wrapper saw', async () => {
      await run(`insert into people (id, mail) values (1, 'a'), (2, 'b'), (3, null)`)
      expect(await marks()).toEqual(['people 1', 'people 2', 'people 3'])
      await run(`update people set mail = null where id > 1`)
      expect(await marks()).toEqual(['people 2', 'people 3'])
      await run('delete from people where id < 3')
      expect(await marks()).toEqual(['people 1', 'people 2'])
      await run('update people set mail = mail where id = 77')
      expect(await marks()).toEqual([])
    })

    it('marks the old and the new key of a row whose key changed', async () => {
      await run(`insert into people (id) values (1)`)
      await marks()
      await run('update people set id = 9 where id = 1')
      expect((await marks()).sort()).toEqual(['people 1', 'people 9'])
    })

    it('writes composite keys as keyText does, whatever they contain', async () => {
      const planes = ['A|320', '~1', '737~|~', 'é東\u{1F30D}', "o'hare", 'a\\b']
      for (const [index, plane] of planes.entries()) {
        await db
          .insertInto('seats')
          .values({ plane, seat: index - 2, holder: null })
          .execute()
      }
      const found = (await marks()).map((mark) => mark.slice(ENTITY.length + 1))
      expect(found).toEqual(planes.map((plane, index) => keyText([plane, index - 2])))
      expect(parseKey(found[2]!, 2)).toEqual(['737~|~', '0'])
    })

    it('marks nothing for a transaction that is rolled back', async () => {
      const mine = new Error('mine')
      const failed = db.transaction().execute(async (trx) => {
        await trx.insertInto('people').values({ id: 1, mail: null }).execute()
        throw mine
      })
      await expect(failed).rejects.toBe(mine)
      expect(await marks()).toEqual([])
    })

    it('marks nothing for what a savepoint took back', async () => {
      await db.transaction().execute(async (trx) => {
        await trx.insertInto('people').values({ id: 1, mail: null }).execute()
        await sql`savepoint sp`.execute(trx)
        await trx.insertInto('people').values({ id: 2, mail: null }).execute()
        await sql`rollback to savepoint sp`.execute(trx)
      })
      expect(await marks()).toEqual(['people 1'])
    })

    it('says what is missing and what was altered, and puts it right', async () => {
      expect(await legacy.capture.verify(entities())).toEqual([])
      const [name, create] = await alter(engine, db)
      expect(await legacy.capture.verify(entities())).toEqual([expect.stringContaining(name)])
      await legacy.capture.install(entities())
      expect(await legacy.capture.verify(entities())).toEqual([])
      expect(create).not.toBe('')
      await run('insert into people (id) values (5)')
      expect(await marks()).toEqual(['people 5'])
    })

    it('keeps two migrations of one table apart, each with marks of its own', async () => {
      const other = side().bind({ migration: 'another', side: 'target' })
      await other.fence.change(0, { ...OPEN, primary: 'target' })
      await other.capture.install(entities())
      await run('insert into people (id) values (1)')
      expect(await marks()).toEqual(['people 1'])
      expect((await other.journal.read({ limit: 9 })).map(({ key }) => key)).toEqual(['1'])
      await other.capture.uninstall(entities())
      expect(await legacy.capture.verify(entities())).toEqual([])
    })

    it('captures a copy that another migration makes', async () => {
      const other = side().bind({ migration: 'another', side: 'target' })
      await other.fence.change(0, OPEN)
      await other.copy({ stripes: [], epoch: 2 }, async ({ transaction }) => {
        await side()
          .table('people', { key: 'id' })
          .save([{ id: 4, mail: 'x' }], { transaction })
      })
      expect(await marks()).toEqual(['people 4'])
    })

    it('refuses with an error that is recognised however it is wrapped', async () => {
      await legacy.fence.change(1, { ...OPEN, open: false })
      const refused = await run('insert into people (id) values (1)').then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(legacy.isStalePhase(refused)).toBe(true)
      const wrapped = new Error('could not save', { cause: new Error('repository', { cause: refused }) })
      expect(legacy.isStalePhase(wrapped)).toBe(true)
      expect(legacy.isStalePhase(new Error('could not save', { cause: new Error('else') }))).toBe(false)
      expect(await marks()).toEqual([])
    })

    it('prints the statements that it runs', async () => {
      await legacy.capture.uninstall(entities())
      const statements = await captureSql(db, SCOPE, entities())
      for (const statement of statements) await run(statement)
      expect(await legacy.capture.verify(entities())).toEqual([])
    })

    it('installs from many processes at once', async () => {
      await legacy.capture.uninstall(entities())
      const others = await Promise.all(Array.from({ length: 4 }, () => opened.connect()))
      await Promise.all(
        others.map((other) => {
          const otherSide = kyselySide(other)
          return otherSide.bind(SCOPE).capture.install([
            { name: ENTITY, store: otherSide.table('seats', { key: ['plane', 'seat'] }) },
            { name: 'people', store: otherSide.table('people', { key: 'id' }) },
          ])
        }),
      )
      expect(await legacy.capture.verify(entities())).toEqual([])
    })

    it('takes stores that are tables of this side, and no others', async () => {
      const foreign = { name: 'x', store: { ...entities()[1]!.store } }
      await expect(legacy.capture.verify([foreign])).resolves.toHaveLength(triggersOf(engine))
      const own = { load: async () => [], scan: async () => [], save: async () => {}, remove: async () => {} }
      await expect(legacy.capture.install([{ name: 'x', store: own }])).rejects.toMatchObject({ option: 'entities' })
    })

    if (engine.name === 'postgres' || engine.name === 'pglite') {
      it('marks every row before a TRUNCATE, and refuses it when it refuses writes', async () => {
        await run('insert into people (id) values (1), (2)')
        await marks()
        await run('truncate people')
        expect(await marks()).toEqual(['people 1', 'people 2'])
        await legacy.fence.change(1, { ...OPEN, open: false })
        await expect(run('truncate people')).rejects.toSatisfy((error) => legacy.isStalePhase(error))
      })

      it('marks what a foreign key cascades', async () => {
        await run('create table pets (id int primary key, owner int references people (id) on delete cascade)')
        const pets = {
          name: 'pets',
          store: kyselySide(db as unknown as Kysely<{ pets: { id: number } }>).table('pets', { key: 'id' }),
        }
        await legacy.capture.install([pets])
        await run('insert into people (id) values (1)')
        await run('insert into pets (id, owner) values (7, 1)')
        await marks()
        await run('delete from people')
        expect((await marks()).sort()).toEqual(['people 1', 'pets 7'])
      })

      it('captures also under session_replication_role = replica', async () => {
        await db.connection().execute(async (connection) => {
          await sql`set session_replication_role = replica`.execute(connection)
          await connection.insertInto('people').values({ id: 1, mail: null }).execute()
          await sql`set session_replication_role = origin`.execute(connection)
        })
        expect(await marks()).toEqual(['people 1'])
      })

      it('captures writers that may not touch the tables of Twinspan, whatever their search_path', async () => {
        const role = `writer_${Math.random().toString(36).slice(2)}`
        await run(`create role ${role}`)
        await run(`grant insert on people to ${role}`)
        await db.connection().execute(async (connection) => {
          await sql.raw(`set role ${role}`).execute(connection)
          await sql`set search_path = pg_catalog`.execute(connection)
          await sql`insert into public.people (id) values (1)`.execute(connection)
          await sql`reset role`.execute(connection)
          await sql`reset search_path`.execute(connection)
        })
        expect(await marks()).toEqual(['people 1'])
        await run(`drop owned by ${role}`)
        await run(`drop role ${role}`)
      })
    }

    if (engine.name === 'sqlite') {
      it('marks the rows that a replace displaces by another unique value', async () => {
        await run(`insert into people (id, mail) values (1, 'a'), (2, 'b')`)
        await marks()
        await run(`insert or replace into people (id, mail) values (3, 'a')`)
        expect((await marks()).sort()).toEqual(['people 1', 'people 3'])
        await run(`update or replace people set mail = 'b' where id = 3`)
        expect((await marks()).sort()).toEqual(['people 2', 'people 3'])
      })
    }

    if (engine.name === 'mariadb') {
      it('misses, as documented, what a foreign key cascades', async () => {
        await run(
          'create table pets (id int primary key, owner int, foreign key (owner) references people (id) on delete cascade)',
        )
        const pets = {
          name: 'pets',
          store: kyselySide(db as unknown as Kysely<{ pets: { id: number } }>).table('pets', { key: 'id' }),
        }
        await legacy.capture.install([pets])
        await run('insert into people (id) values (1)')
        await run('insert into pets (id, owner) values (7, 1)')
        await marks()
        await run('delete from people')
        expect(await marks()).toEqual(['people 1'])
      })

      it('misses, as documented, a TRUNCATE', async () => {
        await run('insert into people (id) values (1)')
        await marks()
        await run('truncate people')
        expect(await marks()).toEqual([])
      })
    }
  })
})

function triggersOf({ name }: Engine): number {
  return { sqlite: 5, pglite: 2, postgres: 2, mariadb: 3 }[name]
}

/** Somebody drops or replaces one of the triggers. */
async function alter(engine: Engine, db: Kysely<Tables>): Promise<[string, string]> {
  if (engine.name === 'postgres' || engine.name === 'pglite') {
    const { rows } = await sql<{ name: string }>`select tgname as name from pg_trigger
      where tgname like 'twinspan_capture_%' and tgrelid = 'people'::regclass`.execute(db)
    const name = rows[0]!.name
    await sql.raw(`alter table people disable trigger ${name}`).execute(db)
    return [name, 'disabled']
  }
  if (engine.name === 'sqlite') {
    const { rows } = await sql<{ name: string }>`select name from sqlite_master
      where type = 'trigger' and tbl_name = 'people' and name like 'twinspan_capture_insert%'`.execute(db)
    const name = rows[0]!.name
    await sql.raw(`drop trigger ${name}`).execute(db)
    await sql.raw(`create trigger ${name} after insert on people begin select 1; end`).execute(db)
    return [name, 'replaced']
  }
  const { rows } = await sql<{ name: string }>`select trigger_name as name from information_schema.triggers
    where trigger_schema = database() and event_object_table = 'people' and trigger_name like 'twinspan_capture_insert%'`.execute(
    db,
  )
  const name = rows[0]!.name
  await sql.raw(`drop trigger ${name}`).execute(db)
  await sql.raw(`create trigger ${name} after insert on people for each row set @seen = 1`).execute(db)
  return [name, 'replaced']
}
