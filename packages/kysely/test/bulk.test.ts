import type { BulkStore, DigestColumn, Key } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide } from '../src/index.ts'

interface Row {
  id: number
  name: string
  amount: string | null
  active: boolean | number
  at: Date | null
  email: string | null
}

interface Tables {
  rows: Row
  copies: Row
  pairs: { a: string; b: number }
}

const WORDS = ['', 'NULL', '{a,b}', '"quoted" \\ back', "it's", 'tab\tnew\nline', ' padded ', '東京', '🛤️', 'plain']

const row = (at: number): Row => ({
  id: at,
  name: WORDS[at % WORDS.length] ?? '',
  amount: at % 3 === 0 ? null : `${at}.50`,
  active: at % 2 === 0,
  at: at % 4 === 0 ? null : new Date(Date.UTC(2024, 6, 1) + at * 1_234_567),
  email: at % 5 === 0 ? null : `m${at}@example.org`,
})

const ROWS = Array.from({ length: 25 }, (_, at) => row(at + 1))

const COLUMNS: readonly DigestColumn[] = [
  { name: 'id', form: 'integer', nullable: false },
  { name: 'name', form: 'text', nullable: false },
  { name: 'amount', form: 'decimal', nullable: true },
  { name: 'active', form: 'integer', nullable: false },
  { name: 'at', form: 'instant', nullable: true },
  { name: 'email', form: 'text', nullable: true },
]

await eachEngine((engine) => {
  if (engine.name === 'sqlite') return
  const isMysql = engine.name === 'mariadb'

  describe(`many rows at once on ${engine.name}`, () => {
    let opened: OpenDatabase<Tables>
    let db: Kysely<Tables>

    beforeEach(async () => {
      opened = await engine.open<Tables>()
      db = opened.db
      const columns = isMysql
        ? `id bigint primary key, name varchar(100) not null, amount decimal(12,2), active tinyint(1) not null,
           at datetime(3), email varchar(100) unique`
        : `id bigint primary key, name varchar(100) not null, amount numeric(12,2), active boolean not null,
           at timestamptz(3), email text unique`
      const charset = isMysql ? 'character set utf8mb4 collate utf8mb4_bin' : ''
      for (const table of ['rows', 'copies']) {
        await sql`create table ${sql.table(table)} (${sql.raw(columns)}) ${sql.raw(charset)}`.execute(db)
      }
      await sql`create table pairs (a varchar(50) not null, b integer not null, primary key (a, b)) ${sql.raw(charset)}`.execute(
        db,
      )
      await db.insertInto('rows').values(ROWS).execute()
    })
    afterEach(() => opened.close())

    const table = (name: 'rows' | 'copies') => kyselySide(db).table(name, { key: 'id' })
    const bulkOf = (store: { readonly bulk?: BulkStore }): Required<BulkStore> => store.bulk as Required<BulkStore>

    it('tells whether a stretch holds exactly these keys', async () => {
      const { holdsKeys } = bulkOf(table('rows'))
      const keys = (from: number, to: number): Key[] => Array.from({ length: to - from + 1 }, (_, at) => from + at)
      const stretch = { after: 3, through: 9 }
      expect(await holdsKeys(stretch, keys(4, 9))).toBe(true)
      expect(await holdsKeys(stretch, keys(4, 9).map(String))).toBe(true)
      expect(await holdsKeys({}, keys(1, 25))).toBe(true)
      expect(await holdsKeys({ after: 100 }, [])).toBe(true)
      expect(await holdsKeys(stretch, keys(4, 8))).toBe(false)
      expect(await holdsKeys(stretch, [4, 5, 6, 7, 8, 10])).toBe(false)
      expect(await holdsKeys(stretch, keys(4, 9).reverse())).toBe(false)
      expect(await holdsKeys({ after: 100 }, [101])).toBe(false)
    })

    it('tells it of keys of several columns, whatever separators are in them', async () => {
      const pairs = kyselySide(db).table('pairs', { key: ['a', 'b'] })
      const { holdsKeys } = bulkOf(pairs)
      await db
        .insertInto('pairs')
        .values([
          { a: 'x', b: 1 },
          { a: 'x\u001e1\u001fy', b: 2 },
        ])
        .execute()
      expect(await holdsKeys({}, await pairs.scanKeys({ limit: 10 }))).toBe(true)
      expect(
        await holdsKeys({}, [
          ['x', 1],
          ['y', 2],
        ]),
      ).toBe(false)
    })

    it('reads the rows of a stretch as text', async () => {
      const texts = await bulkOf(table('rows')).readTexts({ after: 9, through: 12 }, COLUMNS)
      expect(texts?.keys).toEqual(['10', '11', '12'])
      const column = (at: number): (string | null)[] =>
        (texts?.columns[at] ?? '').split('\u001f').map((value) => (value === '\u001e' ? null : value))
      expect(column(1)).toEqual(['', 'NULL', '{a,b}'])
      expect(column(2)).toEqual(['10.50', '11.50', null])
      expect(column(3)).toEqual(['1', '0', '1'])
      expect(column(4)[2]).toBeNull()
      expect(column(4)[0]).toMatch(/^2024-07-01 03:25:45\.670?$/)
    })

    it('reads nothing as text where a text holds a separator, or the only one is empty', async () => {
      const { readTexts } = bulkOf(table('rows'))
      for (const name of ['a\u001fb', '\u001e', 'a\u001e']) {
        await db.updateTable('rows').set({ name }).where('id', '=', 5).execute()
        expect(await readTexts({ after: 3, through: 9 }, COLUMNS)).toBeUndefined()
      }
      await db.updateTable('rows').set({ name: '' }).where('id', '=', 5).execute()
      expect(await readTexts({ after: 4, through: 5 }, COLUMNS)).toBeUndefined()
      expect(await readTexts({ after: 3, through: 9 }, COLUMNS)).toBeDefined()
    })

    it.skipIf(isMysql)('inserts the rows that were read as text, whatever the time zone of the session', async () => {
      const copies = table('copies')
      const texts = await bulkOf(table('rows')).readTexts({}, COLUMNS)
      if (texts === undefined) throw new Error('no texts')
      const inserted = await db.transaction().execute(async (transaction) => {
        await sql`set local timezone to 'Asia/Kolkata'`.execute(transaction)
        return bulkOf(copies).insertTexts({}, texts, COLUMNS, { transaction })
      })
      expect(inserted).toEqual({ inserted: 25, conflicts: [] })
      const all = (name: 'rows' | 'copies') => db.selectFrom(name).selectAll().orderBy('id').execute()
      expect(await all('copies')).toEqual(await all('rows'))
    })

    it.skipIf(isMysql)(
      'leaves rows of the stretch alone, and names those that another unique value keeps out',
      async () => {
        const copies = table('copies')
        const texts = await bulkOf(table('rows')).readTexts({}, COLUMNS)
        if (texts === undefined) throw new Error('no texts')
        await db
          .insertInto('copies')
          .values([
            { ...row(7), name: 'newer' },
            { ...row(900), email: 'm8@example.org' },
          ])
          .execute()
        const insert = () =>
          db
            .transaction()
            .execute((transaction) => bulkOf(copies).insertTexts({ through: 25 }, texts, COLUMNS, { transaction }))
        expect(await insert()).toEqual({ inserted: 23, conflicts: ['8'] })
        const seventh = await db.selectFrom('copies').select('name').where('id', '=', 7).executeTakeFirst()
        expect(seventh?.name).toBe('newer')
      },
    )

    it.skipIf(isMysql)('inserts rows whose values an array would have to quote', async () => {
      const copies = table('copies')
      const odd = ROWS.map((one) => ({
        ...one,
        at: one.id === 3 && engine.name === 'postgres' ? new Date(Date.UTC(-50, 0, 1)) : one.at,
      }))
      expect(await copies.insertMissing(odd)).toEqual({ inserted: 25, conflicts: [] })
      const names = await db.selectFrom('copies').select(['name', 'at']).orderBy('id').execute()
      expect(names.map(({ name }) => name)).toEqual(ROWS.map(({ name }) => name))
      expect(names.map(({ at }) => at?.getTime())).toEqual(odd.map(({ at }) => at?.getTime()))
    })
  })
})
