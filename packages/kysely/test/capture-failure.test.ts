import { type BoundSide, type FenceRow, StalePhaseError } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide } from '../src/index.ts'
import { createThings, type Things } from './things.ts'

const OPEN: Omit<FenceRow, 'revision'> = {
  incarnation: 'i.1',
  epoch: 2,
  phase: 'capture',
  primary: 'legacy',
  open: true,
  pending: null,
  unrecorded: [],
}

await eachEngine((engine) => {
  describe(`a write whose mark cannot be made, on ${engine.name}`, () => {
    let opened: OpenDatabase<Things>
    let db: Kysely<Things>
    let legacy: BoundSide
    const insert = (id: number, trx: unknown): Promise<unknown> =>
      (trx as Kysely<Things>).insertInto('things').values({ id, label: 'x', code: null }).execute()
    const ids = async (): Promise<readonly number[]> =>
      (await db.selectFrom('things').select('id').execute()).map(({ id }) => Number(id))
    const breakJournal = (): Promise<unknown> =>
      sql`alter table twinspan_journal rename to twinspan_journal_away`.execute(db)

    beforeEach(async () => {
      opened = await engine.open<Things>()
      db = opened.db
      await createThings(db, engine.name)
      legacy = kyselySide(db).bind({ migration: 'gaps', side: 'legacy' })
      await legacy.prepare()
      await legacy.fence.change(0, OPEN)
    })
    afterEach(() => opened.close())

    it('fails, and leaves nothing, where nobody answers for it', async () => {
      await breakJournal()
      await expect(legacy.captureWrite({ entity: 'things', keys: () => [1] }, (trx) => insert(1, trx))).rejects.toThrow(
        /twinspan_journal/,
      )
      expect(await ids()).toEqual([])
    })

    it('is committed when somebody does, who hears of it before the commit', async () => {
      await breakJournal()
      const heard: unknown[] = []
      let before: readonly number[] = []
      const answer = await legacy.captureWrite(
        {
          entity: 'things',
          keys: () => [1],
          async uncaptured(error) {
            heard.push(error)
            // On another connection, where there is one: what it sees is what was committed.
            if (engine.concurrent) before = await ids()
          },
        },
        async (trx) => {
          await insert(1, trx)
          return 'answer'
        },
      )
      expect(answer).toBe('answer')
      expect(heard).toEqual([expect.objectContaining({ message: expect.stringMatching(/twinspan_journal/) })])
      expect(before).toEqual([])
      expect(await ids()).toEqual([1])
    })

    it('fails with what that one throws', async () => {
      await breakJournal()
      const mine = new Error('mine')
      const uncaptured = (): Promise<void> => Promise.reject(mine)
      await expect(
        legacy.captureWrite({ entity: 'things', keys: () => [1], uncaptured }, (trx) => insert(1, trx)),
      ).rejects.toBe(mine)
      expect(await ids()).toEqual([])
    })

    it('is refused all the same by a fence that is closed', async () => {
      await breakJournal()
      await legacy.fence.change(1, { ...OPEN, open: false })
      let heard = 0
      const uncaptured = async (): Promise<void> => {
        heard++
      }
      await expect(
        legacy.captureWrite({ entity: 'things', keys: () => [1], uncaptured }, (trx) => insert(1, trx)),
      ).rejects.toSatisfy((error) => legacy.isStalePhase(error))
      expect(heard).toBe(0)
      expect(await ids()).toEqual([])
    })

    it('says nothing of a mark that was made, or of a refusal', async () => {
      const uncaptured = (): Promise<void> => Promise.reject(new Error('heard'))
      await legacy.captureWrite({ entity: 'things', keys: () => [1], uncaptured }, (trx) => insert(1, trx))
      expect((await legacy.journal.read({ limit: 5 })).map(({ key }) => key)).toEqual(['1'])
      await legacy.fence.change(1, { ...OPEN, open: false })
      await expect(
        legacy.captureWrite({ entity: 'things', keys: () => [2], uncaptured }, (trx) => insert(2, trx)),
      ).rejects.toBeInstanceOf(StalePhaseError)
    })

    if (!engine.concurrent) return

    it('holds the fence until it is committed', async () => {
      await breakJournal()
      const order: string[] = []
      let change: Promise<unknown> = Promise.resolve()
      await legacy.captureWrite(
        {
          entity: 'things',
          keys: () => [1],
          async uncaptured() {
            change = legacy.fence
              .change(1, { ...OPEN, open: false }, { lockTimeoutMs: 10_000 })
              .then(() => order.push('closed'))
            await new Promise((resolve) => setTimeout(resolve, 100))
            order.push('going on')
          },
        },
        (trx) => insert(1, trx),
      )
      await change
      expect(order).toEqual(['going on', 'closed'])
      expect(await ids()).toEqual([1])
    })

    if (engine.name !== 'mariadb') return

    it('fails where the engine took back the whole transaction, and nobody is asked', async () => {
      // A deadlock rolls back everything on MySQL: what would be committed after it is the rest of a write.
      let heard = 0
      const uncaptured = async (): Promise<void> => {
        heard++
      }
      await db.insertInto('things').values({ id: 9, label: 'x', code: null }).execute()
      await expect(
        legacy.captureWrite(
          {
            entity: 'things',
            keys() {
              throw new Error('no key')
            },
            uncaptured,
          },
          async (trx) => {
            await insert(1, trx)
            // Ends the transaction behind the library's back, as the server does.
            await sql`rollback`.execute(trx as Kysely<Things>)
          },
        ),
      ).rejects.toThrow()
      expect(await ids()).toEqual([9])
      expect(heard).toBe(0)
    })
  })
})
