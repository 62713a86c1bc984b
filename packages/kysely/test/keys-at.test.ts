import type { DigestColumn, Key, Stretch } from '@twinspan/core'
import { CamelCasePlugin, type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide } from '../src/index.ts'

interface Tables {
  readonly pairs: { readonly a_part: string; readonly b: number; readonly word: string }
}

interface CamelTables {
  readonly pairs: { readonly aPart: string; readonly b: number; readonly word: string }
}

const COLUMNS: readonly DigestColumn[] = [
  { name: 'a_part', form: 'text', nullable: false },
  { name: 'b', form: 'integer', nullable: false },
  { name: 'word', form: 'text', nullable: false },
]

await eachEngine((engine) => {
  describe(`keys that cut a table on ${engine.name}`, () => {
    let opened: OpenDatabase<Tables>

    beforeEach(async () => {
      opened = await engine.open<Tables>()
      await sql`create table pairs (a_part varchar(10), b integer, word text not null, primary key (a_part, b))`.execute(
        opened.db,
      )
      const words = ['Ä', 'a', 'B', 'é']
      const rows = Array.from({ length: 25 }, (_, at) => ({ a_part: words[at % 4] ?? '', b: at, word: `w${at}` }))
      await opened.db.insertInto('pairs').values(rows).execute()
    })
    afterEach(() => opened.close())

    const tableOf = (db: Kysely<Tables>) => kyselySide(db).table('pairs', { key: ['a_part', 'b'] })

    it('are found at once as they are found one by one', async () => {
      const store = tableOf(opened.db)
      const all = (await store.scan({ limit: 100 })).map(({ a_part, b }): Key => [a_part, b])
      if (store.keysAt === undefined) return expect(engine.name).toBe('mariadb')
      expect(await store.keysAt({}, 4, 100)).toEqual([3, 7, 11, 15, 19, 23].map((at) => all[at]))
      expect(await store.keysAt({}, 1, 3)).toEqual(all.slice(0, 3))
      expect(await store.keysAt({ after: all[4] as Key, through: all[19] as Key }, 5, 100)).toEqual(
        [9, 14, 19].map((at) => all[at]),
      )
      expect(await store.keysAt({ after: all[20] as Key }, 5, 100)).toEqual([])
      expect(await store.keyAt({ after: all[4] as Key }, 5)).toEqual(all[9])
    })

    it('are those of the application where a plugin spells columns in another way', async () => {
      const db = (opened.db as unknown as Kysely<CamelTables>).withPlugin(new CamelCasePlugin())
      const store = kyselySide(db).table('pairs', { key: ['aPart', 'b'] })
      const columns = COLUMNS.map((column) => (column.name === 'a_part' ? { ...column, name: 'aPart' } : column))
      const keys = (await store.keysAt?.({}, 5, 100)) ?? []
      expect(keys).toHaveLength(store.keysAt === undefined ? 0 : 5)
      const [first, second, third] = keys as [Key, Key, Key]
      if (keys.length === 0) return
      const parts = [
        { after: first, through: second },
        { after: second, through: third },
      ]
      expect((await store.digest(parts, columns)).map(({ rows }) => rows)).toEqual([5, 5])
    })

    it('give the same digests together as one by one, whether the stretches follow one another or not', async () => {
      const store = tableOf(opened.db)
      const all = (await store.scan({ limit: 100 })).map(({ a_part, b }): Key => [a_part, b])
      const key = (at: number): Key => all[at] as Key
      const rows: readonly (readonly Stretch[])[] = [
        // One after the other, with one that is empty.
        [2, 5, 5, 9, 24].map((at, place, ends) => ({ after: key(ends[place - 1] ?? 0), through: key(at) })),
        [
          { after: key(3), through: key(6) },
          { after: key(10), through: key(11) },
        ],
        [{ through: key(3) }, { after: key(3), through: key(9) }, { after: key(9) }],
      ]
      for (const stretches of rows) {
        const together = await store.digest(stretches, COLUMNS)
        for (const [at, stretch] of stretches.entries()) {
          expect((await store.digest([stretch], COLUMNS))[0], `stretch ${at}`).toEqual(together[at])
        }
      }
      const counts = (await store.digest(rows[0] ?? [], COLUMNS)).map(({ rows }) => rows)
      expect(counts).toEqual([2, 3, 0, 4, 15])
    })
  })
})
