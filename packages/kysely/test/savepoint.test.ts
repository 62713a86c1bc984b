import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide } from '../src/index.ts'
import { createThings, type Things } from './things.ts'

await eachEngine((engine) => {
  describe(`a captured write with savepoints on ${engine.name}`, () => {
    let opened: OpenDatabase<Things>
    const side = () => kyselySide(opened.db).bind({ migration: 'saved', side: 'legacy' })
    const marked = async (): Promise<string[]> => (await side().journal.read({ limit: 10 })).map(({ key }) => key)
    const rows = async (): Promise<string[]> =>
      (await opened.db.selectFrom('things').select(['id', 'label']).orderBy('id').execute()).map(
        ({ id, label }) => `${id} ${label}`,
      )
    const insert = (db: Kysely<Things>, id: number): Promise<unknown> =>
      db.insertInto('things').values({ id, label: 'x', code: 'taken' }).execute()

    /** Writes 1, tries 2, which a unique value refuses, takes that back, and answers with what is left. */
    async function write(connection: unknown): Promise<number[]> {
      const db = connection as Kysely<Things>
      await insert(db, 1)
      await sql`savepoint application`.execute(db)
      await insert(db, 2).catch(() => sql`rollback to savepoint application`.execute(db))
      return [1]
    }

    beforeEach(async () => {
      opened = await engine.open<Things>()
      await createThings(opened.db, engine.name)
      await side().prepare()
      await side().fence.change(0, {
        incarnation: 'i.1',
        epoch: 1,
        phase: 'capture',
        primary: 'legacy',
        open: true,
        pending: null,
        unrecorded: [],
      })
    })
    afterEach(() => opened.close())

    it('commits what the savepoints left, with its marks', async () => {
      await side().captureWrite({ entity: 'things', keys: (keys: number[]) => keys }, write)
      expect(await rows()).toEqual(['1 x'])
      expect(await marked()).toEqual(['1'])
    })

    it('leaves neither when the transaction around the savepoints is rolled back', async () => {
      const undone = side().captureWrite({ entity: 'things', keys: (keys: number[]) => keys }, async (connection) => {
        await write(connection)
        throw new Error('undone')
      })
      await expect(undone).rejects.toThrow('undone')
      expect(await rows()).toEqual([])
      expect(await marked()).toEqual([])
    })
  })
})
