import { type Key, keyText } from '@twinspan/core'
import { CamelCasePlugin, type Generated, type GeneratedAlways, type JSONColumnType, type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Engine, eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide } from '../src/index.ts'

interface Tables {
  words: { word: string; meaning: string | null }
  pairs: { a: number; b: string; value: string | null }
  big: { id: Generated<string>; value: string | null }
  notes: { id: Generated<number>; body: JSONColumnType<Json>; at: Date | null; done: boolean | null }
  partial: { id: number; must: string; may: string | null }
  insisting: { id: GeneratedAlways<number>; value: string }
  unkeyed: { id: number }
}
type Json = readonly unknown[] | { readonly [name: string]: unknown }

const isPostgres = ({ name }: Engine): boolean => name === 'postgres' || name === 'pglite'
const texts = (keys: readonly Key[]): string[] => keys.map(keyText)

await eachEngine((engine) => {
  describe(`tables on ${engine.name}`, () => {
    let opened: OpenDatabase<Tables>
    let db: Kysely<Tables>
    const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(db)
    const pick = (types: { sqlite: string; postgres: string; mariadb: string }): string =>
      engine.name === 'pglite' ? types.postgres : types[engine.name]

    beforeEach(async () => {
      opened = await engine.open<Tables>()
      db = opened.db
    })
    afterEach(() => opened.close())

    describe('text keys', () => {
      // Collations that ignore case, accents or the order of bytes, as legacy databases have them.
      const collation = pick({
        sqlite: 'collate nocase',
        postgres: `collate "unicode"`,
        mariadb: 'character set utf8mb4 collate utf8mb4_unicode_ci',
      })
      const type = pick({ sqlite: 'text', postgres: 'text', mariadb: 'varchar(100)' })
      const WORDS = ['Z', 'a', 'z', 'é', 'ﬀ', '東京', '\u{1F30D}', 'b-1', 'B1', '']
      const table = () => kyselySide(db).table('words', { key: 'word' })

      beforeEach(async () => {
        // What PostgreSQL calls that depends on how it was built.
        const known = isPostgres(engine)
          ? await sql`select 1 from pg_collation where collname in ('unicode', 'en-x-icu') limit 1`.execute(db)
          : { rows: [1] }
        const { rows: unicode } = isPostgres(engine)
          ? await sql`select 1 from pg_collation where collname = 'unicode'`.execute(db)
          : { rows: [1] }
        const name = known.rows.length === 0 ? '' : unicode.length > 0 ? collation : 'collate "en-x-icu"'
        await run(`create table words (word ${type} ${name} primary key, meaning ${type})`)
      })

      it('orders them by their bytes', async () => {
        const words =
          engine.name === 'postgres' || engine.name === 'pglite' ? WORDS : WORDS.filter((word) => word !== 'Z')
        await table().save(words.map((word) => ({ word, meaning: null })))
        const sorted = words.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        expect((await table().scan({ limit: 100 })).map(({ word }) => word)).toEqual(sorted)
        expect(texts(await table().scanKeys({ after: 'b-1', through: '東京', limit: 100 }))).toEqual(
          sorted.slice(sorted.indexOf('b-1') + 1, sorted.indexOf('東京') + 1),
        )
        const paged: string[] = []
        for (let after: Key | undefined; ; ) {
          const page = await table().scanKeys({ limit: 2, ...(after === undefined ? {} : { after }) })
          if (page.length === 0) break
          paged.push(...texts(page))
          after = page.at(-1)
        }
        expect(paged).toEqual(sorted)
      })

      it('takes keys that differ in case for different keys', async () => {
        await table().save([{ word: 'Stra\u00dfe', meaning: 'road' }])
        expect(await table().load(['stra\u00dfe', 'STRA\u00dfE', 'Strasse', 'Stra\u00dfe '])).toEqual([])
        await table().remove(['stra\u00dfe', 'Stra\u00dfe '])
        expect(await table().load(['Stra\u00dfe'])).toHaveLength(1)
        await table().remove(['Stra\u00dfe'])
        expect(await table().load(['Stra\u00dfe'])).toEqual([])
      })

      it('keeps a number in a text key a text', async () => {
        await table().save([
          { word: '7', meaning: null },
          { word: '07', meaning: null },
        ])
        expect((await table().load([7])).map(({ word }) => word)).toEqual(['7'])
      })
    })

    describe('composite keys', () => {
      const table = () => kyselySide(db).table('pairs', { key: ['a', 'b'] })
      const type = pick({ sqlite: 'text', postgres: 'text', mariadb: 'varchar(50)' })
      beforeEach(() =>
        run(`create table pairs (b ${type} not null, value ${type}, a integer not null, primary key (a, b))`),
      )

      it('loads, scans, saves and removes by all of their parts', async () => {
        const keys: readonly [number, string][] = [
          [2, 'a'],
          [1, 'b|~'],
          [1, 'B'],
          [10, 'a'],
          [1, 'é'],
        ]
        await table().save(keys.map(([a, b]) => ({ a, b, value: 'x' })))
        const sorted = ['1|B', '1|b~1~0', '1|é', '2|a', '10|a']
        expect(texts(await table().scanKeys({ limit: 9 }))).toEqual(sorted)
        expect(texts(await table().scanKeys({ after: [1, 'B'], through: [2, 'a'], limit: 9 }))).toEqual(
          sorted.slice(1, 4),
        )
        expect(texts(await table().scanKeys({ after: ['1', 'é'], limit: 1 }))).toEqual(['2|a'])
        const loaded = await table().load([
          ['1', 'b|~'],
          [2, 'a'],
          [2, 'B'],
          [3, 'a'],
        ])
        expect(texts(loaded.map((row) => table().key(row))).toSorted()).toEqual(['1|b~1~0', '2|a'])
        await table().save([{ a: 2, b: 'a', value: 'y' }])
        await table().remove([
          [1, 'B'],
          [10, 'b'],
        ])
        expect((await table().scan({ limit: 9 })).map((row) => `${keyText(table().key(row))} ${row.value}`)).toEqual([
          '1|b~1~0 x',
          '1|é x',
          '2|a y',
          '10|a x',
        ])
        expect(
          await table().insertMissing([
            { a: 2, b: 'a', value: 'z' },
            { a: 3, b: 'c', value: 'z' },
          ]),
        ).toEqual({
          inserted: 1,
          conflicts: [],
        })
      })

      it('refuses a key of another length by name', async () => {
        await expect(table().load([1])).rejects.toMatchObject({ code: 'TWINSPAN_INVALID_KEY' })
        await expect(table().scan({ after: ['1'], limit: 1 })).rejects.toMatchObject({ code: 'TWINSPAN_INVALID_KEY' })
      })
    })

    describe('big integers', () => {
      const id = pick({
        sqlite: 'integer primary key autoincrement',
        postgres: 'bigserial primary key',
        mariadb: 'bigint unsigned auto_increment primary key',
      })
      const value = pick({ sqlite: 'text', postgres: 'text', mariadb: 'varchar(50)' })
      const table = () => kyselySide(db).table('big', { key: 'id' })
      const HUGE = 9_007_199_254_740_993n
      beforeEach(() => run(`create table big (id ${id}, value ${value})`))

      it('finds, ranges and removes keys beyond 2^53 exactly', async () => {
        await run(`insert into big (id, value) values (${HUGE - 1n}, 'a'), (${HUGE}, 'b'), (${HUGE + 1n}, 'c')`)
        const values = async (rows: Promise<readonly { readonly value: string | null }[]>) =>
          (await rows).map((row) => row.value)
        expect(await values(table().load([HUGE]))).toEqual(['b'])
        expect(await values(table().load([String(HUGE + 1n)]))).toEqual(['c'])
        expect(await values(table().scan({ after: HUGE, limit: 9 }))).toEqual(['c'])
        await table().remove([HUGE])
        expect(await values(table().scan({ limit: 9 }))).toEqual(['a', 'c'])
      })

      it('knows that keys which the column cannot hold have no row', async () => {
        await run(`insert into big (id) values (7)`)
        expect(await table().load(['07', '7.0', ' 7', 'seven', '99999999999999999999999', '1e1'])).toEqual([])
        await table().remove(['07', 'seven'])
        expect(await table().load(['7'])).toHaveLength(1)
      })

      it('moves the generator past copied keys, so that the next insert does not collide', async () => {
        await table().check()
        const { identity } = table()
        await table().save([{ id: '41', value: 'copied' }])
        await identity!.moveTo(100n)
        await run(`insert into big (value) values ('generated')`)
        expect((await identity!.read()).largest).toBeGreaterThanOrEqual(100n)
        expect((await identity!.read()).next).toBe((await identity!.read()).largest + 1n)
      })
    })

    describe('values', () => {
      const json = pick({ sqlite: 'json', postgres: 'jsonb', mariadb: 'json' })
      const time = pick({ sqlite: 'text', postgres: 'timestamptz', mariadb: 'datetime(3)' })
      const flag = pick({ sqlite: 'integer', postgres: 'boolean', mariadb: 'tinyint(1)' })
      const table = () => kyselySide(db).table('notes', { key: 'id' })
      beforeEach(() => run(`create table notes (id integer primary key, body ${json}, at ${time}, done ${flag})`))

      it('stores arrays and objects as JSON, dates and booleans as the column has them', async () => {
        const at = new Date('2024-02-29T12:34:56.789Z')
        await table().save([
          { id: 1, body: ['a', { b: null }], at, done: true },
          { id: 2, body: { deep: [1, 2] }, at: null, done: false },
          { id: 3, body: '[]', at: null, done: null },
        ])
        const rows = await table().scan({ limit: 9 })
        const bodies = rows.map(({ body }) => (typeof body === 'string' ? JSON.parse(body) : body) as unknown)
        expect(bodies).toEqual([['a', { b: null }], { deep: [1, 2] }, []])
        expect(new Date(rows[0]!.at!).getTime()).toBe(at.getTime())
        expect(rows.map(({ done }) => (done === null ? null : Boolean(done)))).toEqual([true, false, null])
      })

      if (engine.name === 'sqlite') {
        it('refuses a Date for a column of numbers, by name', async () => {
          const dated = { id: 1, body: '[]', done: new Date() as unknown as boolean, at: null }
          await expect(table().save([dated])).rejects.toMatchObject({ option: 'notes.done' })
        })
      }
    })

    describe('rows that name a part of the columns', () => {
      const text = pick({ sqlite: 'text', postgres: 'text', mariadb: 'varchar(50)' })
      const table = () => kyselySide(db).table('partial', { key: 'id' })
      const part = (row: object) => row as { id: number; must: string; may: string }
      beforeEach(() => run(`create table partial (id integer primary key, must ${text} not null, may ${text} unique)`))

      it('update the existing one although a required column is not among them', async () => {
        await table().save([{ id: 1, must: 'kept', may: 'a' }])
        await table().save([part({ id: 1, may: 'b' })])
        expect(await table().load([1])).toEqual([{ id: 1, must: 'kept', may: 'b' }])
        await expect(table().save([part({ id: 2, may: 'c' })])).rejects.toThrow()
        expect(await table().load([2])).toEqual([])
      })

      it('are saved together with others that name more', async () => {
        await table().save([
          { id: 1, must: 'one', may: 'a' },
          { id: 2, must: 'two', may: 'b' },
        ])
        await table().save([
          part({ id: 1, may: null }),
          part({ id: 2, must: 'deux' }),
          { id: 3, must: 'three', may: 'a' },
        ])
        expect((await table().scan({ limit: 9 })).map((row) => Object.values(row).join())).toEqual([
          '1,one,',
          '2,deux,b',
          '3,three,a',
        ])
      })

      it('leave a column alone whose value is undefined', async () => {
        await table().save([{ id: 1, must: 'kept', may: 'a' }])
        await table().save([part({ id: 1, must: 'new', may: undefined })])
        expect(await table().load([1])).toEqual([{ id: 1, must: 'new', may: 'a' }])
      })

      it('that name a key alone change nothing', async () => {
        await table().save([{ id: 1, must: 'kept', may: 'a' }])
        await table().save([part({ id: 1 })])
        expect(await table().load([1])).toEqual([{ id: 1, must: 'kept', may: 'a' }])
      })

      it('do not touch the stranger who holds their unique value', async () => {
        await table().save([
          { id: 1, must: 'stranger', may: 'taken' },
          { id: 2, must: 'two', may: 'b' },
        ])
        await expect(table().save([part({ id: 2, may: 'taken' })])).rejects.toThrow()
        await expect(table().save([{ id: 2, must: 'x', may: 'taken' }])).rejects.toThrow()
        expect((await table().scan({ limit: 9 })).map((row) => Object.values(row).join())).toEqual([
          '1,stranger,taken',
          '2,two,b',
        ])
      })

      it('saves the last of several rows of one key', async () => {
        await table().save([
          { id: 1, must: 'first', may: null },
          { id: 1, must: 'last', may: null },
        ])
        expect(await table().load([1])).toMatchObject([{ must: 'last' }])
      })

      it('inserts what it can among many conflicts, and names every one of them', async () => {
        await table().save([
          { id: 1, must: 'x', may: 'v3' },
          { id: 2, must: 'x', may: 'v7' },
        ])
        const rows = Array.from({ length: 40 }, (_, index) => ({ id: index + 100, must: 'x', may: `v${index % 20}` }))
        const { inserted, conflicts } = await table().insertMissing(rows)
        expect({ inserted, conflicts: conflicts.length }).toEqual({ inserted: 18, conflicts: 22 })
        expect(texts(conflicts)).toEqual(expect.arrayContaining(['103', '107', '139']))
        expect((await table().count()).rows).toBe(20)
      })

      it('fails on a missing value, and inserts nothing, rather than skip the row', async () => {
        const bad = part({ id: 5, may: 'x' })
        await expect(table().insertMissing([bad])).rejects.toThrow()
        expect((await table().count()).rows).toBe(0)
      })
    })

    describe('what is wrong with a table', () => {
      const side = () => kyselySide(db as unknown as Kysely<Record<string, Record<string, unknown>>>)
      beforeEach(async () => {
        await run('create table unkeyed (id integer, other integer)')
        await run('create table partial (id integer primary key, must integer)')
      })

      it('is said with its name, before anything is written', async () => {
        await expect(side().table('nowhere', { key: 'id' }).check()).rejects.toMatchObject({
          code: 'TWINSPAN_UNKNOWN_TABLE',
          table: 'nowhere',
        })
        await expect(side().table('partial', { key: 'key' }).check()).rejects.toMatchObject({
          code: 'TWINSPAN_UNKNOWN_COLUMN',
          column: 'key',
        })
        await expect(side().table('unkeyed', { key: 'id' }).check()).rejects.toMatchObject({
          code: 'TWINSPAN_MISSING_PRIMARY_KEY',
          table: 'unkeyed',
        })
        await expect(
          side()
            .table('partial', { key: ['id', 'must'] })
            .check(),
        ).rejects.toMatchObject({
          code: 'TWINSPAN_MISSING_PRIMARY_KEY',
        })
        await expect(
          side()
            .table('partial', { key: 'id' })
            .save([{ id: 1, wrong: 2 }]),
        ).rejects.toMatchObject({
          code: 'TWINSPAN_UNKNOWN_COLUMN',
          column: 'wrong',
        })
        await expect(
          side()
            .table('partial', { key: 'id' })
            .save([{ must: 2 }]),
        ).rejects.toMatchObject({
          code: 'TWINSPAN_INVALID_KEY',
        })
        expect(() => side().table('partial', { key: [] as never })).toThrow('Option key')
      })

      it('is no longer said once it is put right', async () => {
        const table = side().table('unkeyed', { key: 'id' })
        await expect(table.check()).rejects.toThrow()
        await run('create unique index unkeyed_id on unkeyed (id)')
        await table.check()
        await expect(side().table('later', { key: 'id' }).load([1])).rejects.toMatchObject({ table: 'later' })
      })
    })

    it('reads and writes by the names that plugins make of columns', async () => {
      const text = pick({ sqlite: 'text', postgres: 'text', mariadb: 'varchar(50)' })
      await run(`create table user_accounts (account_id integer primary key, full_name ${text})`)
      const camel = opened.db.withPlugin(new CamelCasePlugin()) as unknown as Kysely<{
        userAccounts: { accountId: number; fullName: string | null }
      }>
      const side = kyselySide(camel)
      const table = side.table('userAccounts', { key: 'accountId' })
      await table.check()
      expect(await table.columns()).toEqual(['accountId', 'fullName'])
      await table.save([{ accountId: 1, fullName: 'Ann' }])
      await table.save([{ accountId: 1, fullName: 'Anna' }])
      expect(await table.load([1])).toEqual([{ accountId: 1, fullName: 'Anna' }])
      expect(texts(await table.scanKeys({ limit: 1 }))).toEqual(['1'])
      const legacy = side.bind({ migration: 'camel', side: 'legacy' })
      await legacy.prepare()
      await legacy.fence.change(0, {
        incarnation: 'i',
        epoch: 1,
        phase: 'capture',
        primary: 'legacy',
        open: true,
        pending: null,
        unrecorded: [],
      })
      await legacy.capture.install([{ name: 'accounts', store: table }])
      await run(`update user_accounts set full_name = 'Bob'`)
      expect(await legacy.journal.read({ limit: 5 })).toMatchObject([{ entity: 'accounts', key: '1' }])
    })

    if (!isPostgres(engine)) return

    it('works in a schema of its own', async () => {
      await run('create schema shop')
      await run('create table shop.partial (id integer primary key, must text, may text)')
      const shop = db.withSchema('shop')
      const side = kyselySide(shop)
      const table = side.table('partial', { key: 'id' })
      const legacy = side.bind({ migration: 'shop', side: 'legacy' })
      await Promise.all([legacy.prepare(), legacy.prepare()])
      await legacy.fence.change(0, {
        incarnation: 'i',
        epoch: 1,
        phase: 'capture',
        primary: 'legacy',
        open: true,
        pending: null,
        unrecorded: [],
      })
      await legacy.capture.install([{ name: 'partial', store: table }])
      await table.save([{ id: 1, must: 'x', may: null }])
      expect(await legacy.journal.read({ limit: 5 })).toMatchObject([{ key: '1' }])
      const { rows } = await sql<{
        found: string | null
      }>`select to_regclass('public.twinspan_journal')::text as found`.execute(db)
      expect(rows).toEqual([{ found: null }])
      await side.store.bind('shop').putDocument('x', 1)
      expect(await legacy.captureWrite({ entity: 'partial', keys: () => [2] }, async () => 2)).toBe(2)
      expect(await legacy.journal.read({ limit: 5 })).toHaveLength(2)
    })

    it('copies the keys of a column that generates its own', async () => {
      await run('create table insisting (id bigint generated always as identity primary key, value text)')
      const table = kyselySide(db).table('insisting', { key: 'id' })
      await table.save([{ id: 5, value: 'copied' }])
      await table.save([
        { id: 5, value: 'again' },
        { id: 6, value: 'new' },
      ])
      expect(
        await table.insertMissing([
          { id: 6, value: 'no' },
          { id: 7, value: 'yes' },
        ]),
      ).toMatchObject({ inserted: 1 })
      expect((await table.scan({ limit: 9 })).map(({ value }) => value)).toEqual(['again', 'new', 'yes'])
      expect((await table.identity!.read()).next).toBe(1n)
      await table.identity!.moveTo(8n)
      await run(`insert into insisting (value) values ('generated')`)
      expect((await table.identity!.read()).largest).toBe(8n)
    })

    it('knows UUIDs, padded characters and sequences that no column owns', async () => {
      await run('create sequence strangers')
      await run(
        `create table ids (id uuid primary key, code char(5) unique, n int unique default nextval('strangers'))`,
      )
      const any = kyselySide(db as unknown as Kysely<Record<string, Record<string, unknown>>>)
      const uuids = any.table('ids', { key: 'id' })
      const codes = any.table('ids', { key: 'code' })
      const numbers = any.table('ids', { key: 'n' })
      const id = '0190a1b2-0000-7000-8000-000000000001'
      await uuids.save([{ id, code: 'ab', n: 3 }])
      expect(await uuids.load([id, 'not a uuid'])).toHaveLength(1)
      const [row] = await codes.scan({ limit: 1 })
      expect(await codes.load([codes.key(row!)])).toEqual([row])
      await numbers.check()
      await numbers.identity!.moveTo(4n)
      expect((await numbers.identity!.read()).next).toBe(4n)
      const legacy = any.bind({ migration: 'ids', side: 'legacy' })
      await legacy.prepare()
      await legacy.fence.change(0, {
        incarnation: 'i',
        epoch: 1,
        phase: 'capture',
        primary: 'legacy',
        open: true,
        pending: null,
        unrecorded: [],
      })
      await legacy.capture.install([{ name: 'codes', store: codes }])
      await run('update ids set n = 8')
      expect((await legacy.journal.read({ limit: 1 }))[0]!.key).toBe(keyText(codes.key(row!)))
      await run('create table dated (day date primary key)')
      await expect(any.table('dated', { key: 'day' }).check()).rejects.toThrow('day (date)')
    })
  })
})
