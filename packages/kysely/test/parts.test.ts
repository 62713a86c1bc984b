import { type BoundSide, type FenceRow, keyText } from '@twinspan/core'
import { CamelCasePlugin, type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { captureSql, freezeSql, kyselySide } from '../src/index.ts'

interface Tables {
  readonly orders: { readonly id: number; readonly customer: string }
  readonly order_lines: {
    readonly id: number
    readonly order_id: number | null
    readonly place: number
    readonly sku: string | null
  }
  readonly order_notes: { readonly order_id: number; readonly no: number; readonly body: string }
  readonly flights: { readonly plane: string; readonly day: number }
  readonly legs: { readonly id: number; readonly plane: string | null; readonly day: number | null }
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
const SCOPE = { migration: 'orders', side: 'legacy' } as const
const LINES = { table: 'order_lines', key: 'id', parent: 'order_id' } as const
const NOTES = { table: 'order_notes', key: ['order_id', 'no'], parent: 'order_id' } as const

await eachEngine((engine) => {
  describe(`records with parts on ${engine.name}`, () => {
    let opened: OpenDatabase<Tables>
    let db: Kysely<Tables>
    let legacy: BoundSide
    const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(db)
    const store = (on: Kysely<Tables> = db) =>
      kyselySide(on).table('orders', { key: 'id', parts: { lines: LINES, notes: NOTES } })
    const entities = () => [
      { name: 'orders', store: store() },
      {
        name: 'flights',
        store: kyselySide(db).table('flights', {
          key: ['plane', 'day'],
          parts: { legs: { table: 'legs', key: 'id', parent: ['plane', 'day'] } },
        }),
      },
    ]
    const marks = async (): Promise<string[]> => {
      const rows = await legacy.journal.read({ limit: 1_000 })
      await legacy.journal.remove(rows.map(({ id }) => id))
      return [...new Set(rows.map(({ entity, key }) => `${entity} ${key}`))].sort()
    }
    const lines = async (): Promise<string[]> =>
      (await db.selectFrom('order_lines').selectAll().orderBy('id').execute()).map(
        ({ id, order_id, place, sku }) => `${id}: ${order_id}/${place} ${sku}`,
      )
    const order = (id: number, ...of: readonly (readonly [id: number, place: number, sku: string])[]) => ({
      id,
      customer: `c${id}`,
      lines: of.map(([line, place, sku]) => ({ id: line, place, sku })),
      notes: [],
    })
    const copying = <T>(work: (transaction: unknown) => Promise<T>): Promise<T> =>
      db.transaction().execute((transaction) => work(transaction))

    beforeEach(async () => {
      opened = await engine.open<Tables>()
      db = opened.db
      if (engine.name === 'sqlite') await run('pragma foreign_keys = on')
      const text = engine.name === 'mariadb' ? 'varchar(50) collate utf8mb4_bin' : 'text'
      await run(`create table orders (id integer primary key, customer ${text} not null)`)
      // No cascade of MariaDB fires a trigger: the record's own has to do.
      await run(`create table order_lines (id integer primary key, order_id integer, place integer not null, sku ${text},
        unique (order_id, place), foreign key (order_id) references orders (id) on delete cascade)`)
      await run(`create table order_notes (order_id integer not null, no integer not null, body ${text} not null,
        primary key (order_id, no), foreign key (order_id) references orders (id))`)
      await run(`create table flights (plane ${text} not null, day integer not null, primary key (plane, day))`)
      await run(`create table legs (id integer primary key, plane ${text}, day integer)`)
      legacy = kyselySide(db).bind(SCOPE)
      await legacy.prepare()
      await legacy.fence.change(0, OPEN)
    })
    afterEach(() => opened.close())

    describe('capture', () => {
      beforeEach(() => legacy.capture.install(entities()))

      it('marks the record of a part that is written, and both when the part moves', async () => {
        await run(`insert into orders (id, customer) values (1, 'a'), (2, 'b')`)
        expect(await marks()).toEqual(['orders 1', 'orders 2'])
        await run(`insert into order_lines (id, order_id, place) values (10, 1, 1), (11, 1, 2), (12, null, 3)`)
        expect(await marks()).toEqual(['orders 1'])
        await run(`update order_lines set sku = 'x' where id in (11, 12)`)
        expect(await marks()).toEqual(['orders 1'])
        await run('update order_lines set order_id = 2 where id = 11')
        expect(await marks()).toEqual(['orders 1', 'orders 2'])
        await run('update order_lines set order_id = 1 where id = 12')
        expect(await marks()).toEqual(['orders 1'])
        await run('update order_lines set order_id = null where id = 11')
        expect(await marks()).toEqual(['orders 2'])
        await run(`insert into order_notes (order_id, no, body) values (2, 1, 'n')`)
        expect(await marks()).toEqual(['orders 2'])
        await run('delete from order_lines where id >= 11')
        expect(await marks()).toEqual(['orders 1'])
        // The line goes with its order.
        await run('delete from orders where id = 1')
        expect(await marks()).toEqual(['orders 1'])
        expect(await lines()).toEqual([])
      })

      it('marks composite keys of records, and nothing where a part of the key is NULL', async () => {
        const planes = ['A|320', '~1', "o'hare"]
        for (const [id, plane] of planes.entries()) {
          await db.insertInto('legs').values({ id, plane, day: -id }).execute()
        }
        expect(await marks()).toEqual(planes.map((plane, id) => `flights ${keyText([plane, -id])}`).sort())
        await run(`insert into legs (id, plane, day) values (7, 'x', null), (8, null, 1), (9, null, null)`)
        expect(await marks()).toEqual([])
        await run('update legs set day = 5 where id = 7')
        expect(await marks()).toEqual(['flights x|5'])
        await run('update legs set plane = null where id = 7')
        expect(await marks()).toEqual(['flights x|5'])
      })

      it('refuses a write of a part when it refuses writes', async () => {
        await legacy.fence.change(1, { ...OPEN, open: false })
        const refused = run('insert into legs (id) values (1)')
        await expect(refused).rejects.toSatisfy((error) => legacy.isStalePhase(error))
      })

      it('says what is missing on a table of parts, prints it, and takes it away', async () => {
        const named = expect.stringContaining('order_lines') as string
        await legacy.capture.uninstall([entities()[0]!])
        const missing = await legacy.capture.verify(entities())
        expect(missing).toContainEqual(named)
        expect(missing).toContainEqual(expect.stringContaining('order_notes'))
        for (const statement of await captureSql(db, SCOPE, [entities()[0]!])) await run(statement)
        expect(await legacy.capture.verify(entities())).toEqual([])
      })

      if (engine.name === 'sqlite' || engine.name === 'mariadb') {
        it('marks the record that loses a part to a replace', async () => {
          await run(`insert into orders (id, customer) values (1, 'a'), (2, 'b'), (3, 'c')`)
          await run(`insert into order_lines (id, order_id, place) values (10, 1, 1), (11, 2, 1)`)
          await marks()
          await run('replace into order_lines (id, order_id, place) values (10, 3, 1)')
          expect(await marks()).toEqual(['orders 1', 'orders 3'])
          await run('replace into order_lines (id, order_id, place) values (12, 2, 1)')
          expect(await marks()).toEqual(['orders 2'])
        })
      } else {
        it('marks the records of a TRUNCATE, each once', async () => {
          await run(`insert into orders (id, customer) values (1, 'a'), (2, 'b')`)
          await run(
            `insert into order_lines (id, order_id, place) values (10, 1, 1), (11, 1, 2), (12, 2, 1), (13, null, 1)`,
          )
          await marks()
          await run('truncate order_lines')
          expect((await legacy.journal.stats()).depth).toBe(2)
          expect(await marks()).toEqual(['orders 1', 'orders 2'])
          await run('insert into order_lines (id, order_id, place) values (10, 2, 1)')
          await marks()
          await run('truncate orders cascade')
          expect(await marks()).toEqual(['orders 1', 'orders 2'])
        })

        it('marks a part that is written under session_replication_role = replica', async () => {
          await run(`insert into orders (id, customer) values (1, 'a')`)
          await marks()
          await db.connection().execute(async (connection) => {
            await sql`set session_replication_role = replica`.execute(connection)
            await connection.insertInto('order_lines').values({ id: 10, order_id: 1, place: 1, sku: null }).execute()
            await sql`set session_replication_role = origin`.execute(connection)
          })
          expect(await marks()).toEqual(['orders 1'])
        })
      }
    })

    it('reads records with their parts in order, one query a table', async () => {
      await run(`insert into orders (id, customer) values (1, 'a'), (2, 'b'), (3, 'c')`)
      await run(
        `insert into order_lines (id, order_id, place, sku) values (12, 1, 1, 'x'), (11, 1, 2, 'y'), (13, 3, 1, null)`,
      )
      await run(`insert into order_notes (order_id, no, body) values (3, 2, 'second'), (3, 1, 'first')`)
      const records = [
        {
          id: 1,
          customer: 'a',
          lines: [
            { id: 11, place: 2, sku: 'y' },
            { id: 12, place: 1, sku: 'x' },
          ],
          notes: [],
        },
        { id: 2, customer: 'b', lines: [], notes: [] },
        {
          id: 3,
          customer: 'c',
          lines: [{ id: 13, place: 1, sku: null }],
          notes: [
            { no: 1, body: 'first' },
            { no: 2, body: 'second' },
          ],
        },
      ]
      let selects = 0
      const counted = db.withPlugin({
        transformQuery({ node }) {
          if (node.kind === 'SelectQueryNode') selects++
          return node
        },
        transformResult: async ({ result }) => result,
      })
      const one = store(counted)
      await one.scan({ limit: 10 })
      selects = 0
      expect(await one.scan({ limit: 10 })).toEqual(records)
      expect(selects).toBe(3)
      expect(await store().load([3, 9])).toEqual([records[2]])
      expect(await store().scanKeys({ after: 1, limit: 9 })).toEqual([2, 3])
      expect(await store().count()).toEqual({ rows: 3, exact: true })
      expect(await store().columns()).toEqual(['id', 'customer', 'lines', 'notes'])
      await store().check()
    })

    it('saves parts with their record: new ones, changed ones, and those that are gone', async () => {
      await store().save([order(1, [10, 1, 'a'], [11, 2, 'b']), order(2, [12, 1, 'c'])])
      expect(await lines()).toEqual(['10: 1/1 a', '11: 1/2 b', '12: 2/1 c'])
      await store().save([{ ...order(1, [11, 2, 'B'], [13, 3, 'd']), notes: [{ no: 1, body: 'n' }] }])
      expect(await lines()).toEqual(['11: 1/2 B', '12: 2/1 c', '13: 1/3 d'])
      expect(await db.selectFrom('order_notes').selectAll().execute()).toEqual([{ order_id: 1, no: 1, body: 'n' }])
      // A part that is not named stays as it is.
      await store().save([{ id: 1, customer: 'renamed' } as never])
      expect(await lines()).toHaveLength(3)
      await store().save([{ ...order(1), customer: 'empty' }])
      expect(await lines()).toEqual(['12: 2/1 c'])
      await expect(store().save([{ ...order(1), lines: 'secret' as never }])).rejects.toThrow(
        /^Option lines of a record of "order_lines" takes an array of rows, got "a string"/,
      )
    })

    it('lets the parts of a record swap their unique values', async () => {
      await store().save([order(1, [10, 1, 'a'], [11, 2, 'b'], [12, 3, 'c'])])
      await store().save([order(1, [10, 2, 'a'], [11, 3, 'b'], [12, 1, 'c'])])
      expect(await lines()).toEqual(['10: 1/2 a', '11: 1/3 b', '12: 1/1 c'])
    })

    it('moves a part between two records that are saved together, and takes none from one that is not', async () => {
      await store().save([order(1, [10, 1, 'a']), order(2, [11, 1, 'b'])])
      await store().save([order(1, [11, 1, 'b']), order(2, [10, 1, 'a'])])
      expect(await lines()).toEqual(['10: 2/1 a', '11: 1/1 b'])
      await expect(store().save([order(1, [11, 1, 'b'], [10, 2, 'a'])])).rejects.toMatchObject({
        code: 'TWINSPAN_PART_HELD',
      })
      expect(await lines()).toEqual(['10: 2/1 a', '11: 1/1 b'])
    })

    it('makes room for parts that swap their records while those are saved one by one', async () => {
      await store().save([order(1, [10, 1, 'a']), order(2, [11, 1, 'b']), order(3, [12, 1, 'c'])])
      const saved = [order(1, [11, 1, 'b'], [12, 2, 'c']), order(2, [10, 1, 'a'])]
      await copying(async (transaction) => {
        await store().makeRoom({ saved, removed: [3] }, { transaction })
        for (const record of saved) await store().save([record], { transaction })
        await store().remove([3], { transaction })
      })
      expect(await store().load([1, 2, 3])).toEqual(saved)
    })

    it('removes records with their parts, whether the foreign key cascades or not', async () => {
      await store().save([{ ...order(1, [10, 1, 'a']), notes: [{ no: 1, body: 'n' }] }, order(2, [11, 1, 'b'])])
      await store().remove([1, 9])
      expect(await lines()).toEqual(['11: 2/1 b'])
      expect(await store().scan({ limit: 9 })).toEqual([order(2, [11, 1, 'b'])])
    })

    it('inserts records that are absent with their parts, and none whose part another record holds', async () => {
      await store().save([order(1, [10, 1, 'kept'])])
      const outcome = await store().insertMissing([
        order(1, [10, 1, 'new'], [11, 2, 'new']),
        order(2, [12, 1, 'a'], [10, 2, 'held']),
        order(3, [13, 1, 'b']),
      ])
      expect(outcome).toEqual({ inserted: 1, conflicts: [2] })
      expect(await lines()).toEqual(['10: 1/1 kept', '13: 3/1 b'])
      expect(await store().load([1, 2, 3])).toEqual([order(1, [10, 1, 'kept']), order(3, [13, 1, 'b'])])
    })

    it('freezes the tables of the parts too', async () => {
      await legacy.freeze.install(entities())
      await expect(run('insert into legs (id) values (1)')).rejects.toThrow('twinspan: frozen')
      await legacy.freeze.uninstall(entities())
      await run('insert into legs (id) values (1)')
      for (const statement of await freezeSql(db, SCOPE, [...entities(), ...entities()])) await run(statement)
      await expect(run('delete from legs')).rejects.toThrow('twinspan: frozen')
    })

    it('says what is wrong with a part before anything is written', async () => {
      // biome-ignore lint/suspicious/noExplicitAny: an application without table types has one
      const untyped = kyselySide(db as unknown as Kysely<any>)
      const parts = (part: object, name = 'lines') =>
        untyped.table('orders', { key: 'id', parts: { [name]: { ...LINES, ...part } } })
      expect(() => parts({ parent: ['order_id', 'id'] })).toThrow(
        expect.objectContaining({ option: 'parts.lines.parent' }),
      )
      expect(() => parts({ key: [] })).toThrow(expect.objectContaining({ option: 'parts.lines.key' }))
      expect(() => parts({ table: '' })).toThrow(expect.objectContaining({ option: 'parts.lines.table' }))
      await expect(parts({ table: 'nowhere' }).check()).rejects.toMatchObject({ code: 'TWINSPAN_UNKNOWN_TABLE' })
      await expect(parts({ parent: 'nothing' }).check()).rejects.toMatchObject({ column: 'nothing' })
      await expect(parts({ key: 'place' }).check()).rejects.toMatchObject({ code: 'TWINSPAN_MISSING_PRIMARY_KEY' })
      await expect(parts({ parent: 'sku' }).check()).rejects.toMatchObject({ option: 'parent' })
      await expect(parts({}, 'customer').check()).rejects.toMatchObject({ option: 'parts' })
    })

    it('goes by the names and the schema that the application uses', async () => {
      // biome-ignore lint/suspicious/noExplicitAny: an application without table types has one
      let other: Kysely<any> = db.withPlugin(new CamelCasePlugin())
      if (engine.name === 'pglite' || engine.name === 'postgres') {
        await run('create schema other')
        await run('alter table orders set schema other')
        await run('alter table order_lines set schema other')
        other = other.withSchema('other')
      }
      const side = kyselySide(other)
      const named = side.table('orders', {
        key: 'id',
        parts: { lines: { table: 'orderLines', key: 'id', parent: 'orderId' } },
      })
      await named.check()
      const bound = side.bind(SCOPE)
      await bound.prepare()
      if ((await bound.fence.read()) === undefined) await bound.fence.change(0, OPEN)
      await bound.capture.install([{ name: 'orders', store: named }])
      const record = (id: number, line: number) => ({ id, customer: 'a', lines: [{ id: line, place: 1, sku: null }] })
      await named.save([record(1, 10), record(2, 11)])
      expect(await named.scan({ limit: 9 })).toEqual([record(1, 10), record(2, 11)])
      await expect(named.save([record(1, 11)])).rejects.toMatchObject({ code: 'TWINSPAN_PART_HELD' })
      await named.save([record(1, 11), record(2, 10)])
      expect(await named.load([2])).toEqual([record(2, 10)])
      await bound.journal.remove((await bound.journal.read({ limit: 99 })).map(({ id }) => id))
      await other.updateTable('orderLines').set({ orderId: null }).where('id', '=', 10).execute()
      expect(new Set((await bound.journal.read({ limit: 99 })).map(({ key }) => key))).toEqual(new Set(['2']))
    })

    it('watches the tables that feed a store of the application', async () => {
      class Flights {
        readonly #rows = [{ plane: 'x', day: 1 }]
        readonly keyParts = 2
        key = (row: { plane: string; day: number }) => [row.plane, row.day] as const
        async load() {
          return this.#rows
        }
        async scan() {
          return this.#rows
        }
        async save() {}
        async remove() {}
      }
      const side = kyselySide(db)
      const watched = side.watching(new Flights(), [
        { table: 'flights', key: ['plane', 'day'] },
        { table: 'legs', key: ['plane', 'day'] },
      ])
      await watched.check?.()
      expect(await watched.load([])).toEqual([{ plane: 'x', day: 1 }])
      expect(() => side.watching(new Flights(), [{ table: 'legs', key: 'day' }])).toThrow(
        expect.objectContaining({ option: 'key' }),
      )
      const flights = [{ name: 'flights', store: watched as never }]
      await legacy.capture.install(flights)
      expect(await legacy.capture.verify(flights)).toEqual([])
      await run(`insert into flights (plane, day) values ('a', 1)`)
      await run(`insert into legs (id, plane, day) values (1, 'b', 2)`)
      expect(await marks()).toEqual(['flights a|1', 'flights b|2'])
      await legacy.capture.uninstall(flights)
      await run(`insert into legs (id, plane, day) values (2, 'b', 2)`)
      expect(await marks()).toEqual([])
    })
  })
})
