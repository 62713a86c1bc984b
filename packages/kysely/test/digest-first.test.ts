import type { DigestColumn, Key, Stretch } from '@twinspan/core'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide } from '../src/index.ts'

interface Tables {
  readonly pairs: { readonly a: string; readonly b: number; readonly word: string }
}

const COLUMNS: readonly DigestColumn[] = [
  { name: 'a', form: 'text', nullable: false },
  { name: 'b', form: 'integer', nullable: false },
  { name: 'word', form: 'text', nullable: false },
]

await eachEngine((engine) => {
  // MySQL finds no last key on the way.
  if (engine.name === 'mariadb') return

  describe(`leaves that are cut on the way on ${engine.name}`, () => {
    let opened: OpenDatabase<Tables>

    beforeEach(async () => {
      opened = await engine.open<Tables>()
      await sql`create table pairs (a varchar(10), b integer, word text not null, primary key (a, b))`.execute(
        opened.db,
      )
      const rows = Array.from({ length: 25 }, (_, at) => ({ a: `k${at % 4}`, b: at, word: `w${at}` }))
      await opened.db.insertInto('pairs').values(rows).execute()
    })
    afterEach(() => opened.close())

    it('have the digest that their stretch has, and follow one another without a gap', async () => {
      const store = kyselySide(opened.db).table('pairs', { key: ['a', 'b'] })
      let stretch: Stretch = {}
      const sizes: number[] = []
      for (;;) {
        const { through, ...led } = (await store.digestFirst?.(stretch, 10, COLUMNS)) ?? { through: undefined }
        const leaf = through === undefined ? stretch : { ...stretch, through }
        expect(await store.digest([leaf], COLUMNS)).toEqual([led])
        sizes.push('rows' in led ? led.rows : -1)
        if (through === undefined) break
        stretch = { after: through }
      }
      expect(sizes).toEqual([10, 10, 5])
    })

    it('are cut all at once where the engine can', async () => {
      const store = kyselySide(opened.db).table('pairs', { key: ['a', 'b'] })
      if (store.digestParts === undefined) return expect(engine.name).toBe('sqlite')
      const whole: Stretch = { after: ['k0', 8], through: ['k3', 7] }
      const parts = await store.digestParts(whole, 4, COLUMNS)
      let after: Key | undefined = whole.after
      for (const { through = whole.through, ...led } of parts) {
        const part = { ...(after === undefined ? {} : { after }), ...(through === undefined ? {} : { through }) }
        expect(await store.digest([part], COLUMNS)).toEqual([led])
        after = through
      }
      expect(parts.map(({ rows }) => rows)).toEqual([4, 4, 4, 4, 2])
      expect(after).toEqual(['k3', 7])
    })
  })
})
