import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyText } from '../../key.ts'
import { type ContractRow, OPEN, type SideFixture } from './side.ts'

const row = (id: number, label: string = `row ${id}`, code: string | null = null): ContractRow => ({ id, label, code })

/** What every adapter of the port `EntityStore` must do. `code` must carry a unique constraint. */
export function entityStoreContract(name: string, open: () => Promise<SideFixture>): void {
  describe(`EntityStore contract: ${name}`, () => {
    let fixture: SideFixture
    beforeEach(async () => {
      fixture = await open()
    })
    afterEach(() => fixture.close())
    const ids = (rows: readonly ContractRow[]): readonly number[] => rows.map((one) => Number(one.id))

    it('loads the rows of the keys that exist, whatever type the key came in', async () => {
      await fixture.table.save([row(1), row(2), row(3)])
      expect(ids(await fixture.table.load([1, '3', 4n])).toSorted((a, b) => a - b)).toEqual([1, 3])
      expect(await fixture.table.load([])).toEqual([])
    })

    it('gives back what it was given, in every script', async () => {
      const label = 'Ægir 東京 \u{1F30D} \'"\\ | ~ %_\n'
      await fixture.table.save([row(1, label, 'x')])
      expect(await fixture.table.load([1])).toEqual([row(1, label, 'x')])
    })

    it('upserts', async () => {
      await fixture.table.save([row(1), row(2)])
      await fixture.table.save([row(2, 'changed'), row(3)])
      expect((await fixture.table.scan({ limit: 10 })).map((one) => one.label)).toEqual(['row 1', 'changed', 'row 3'])
    })

    it('leaves the columns alone that a row does not name', async () => {
      await fixture.table.save([row(1, 'a', 'kept')])
      await fixture.table.save([{ id: 1, label: 'b' } as ContractRow])
      expect(await fixture.table.load([1])).toEqual([row(1, 'b', 'kept')])
    })

    it('does not touch another row that holds a unique value of the saved one', async () => {
      await fixture.table.save([row(1, 'a', 'taken')])
      await expect(fixture.table.save([row(2, 'b', 'taken')])).rejects.toThrow()
      expect(await fixture.table.load([1, 2])).toEqual([row(1, 'a', 'taken')])
    })

    it('removes the keys that exist and ignores the others', async () => {
      await fixture.table.save([row(1), row(2)])
      await fixture.table.remove([2, 9])
      await fixture.table.remove([])
      expect(ids(await fixture.table.scan({ limit: 10 }))).toEqual([1])
    })

    it('scans ranges in key order: after excluded, through included', async () => {
      await fixture.table.save([row(10), row(2), row(7), row(100)])
      expect(ids(await fixture.table.scan({ limit: 10 }))).toEqual([2, 7, 10, 100])
      expect(ids(await fixture.table.scan({ limit: 2 }))).toEqual([2, 7])
      expect(ids(await fixture.table.scan({ after: 2, limit: 10 }))).toEqual([7, 10, 100])
      expect(ids(await fixture.table.scan({ after: 2, through: 10, limit: 10 }))).toEqual([7, 10])
      expect(ids(await fixture.table.scan({ after: 100, limit: 10 }))).toEqual([])
    })

    it('saves and scans more rows than a statement takes parameters', async () => {
      await fixture.table.save(Array.from({ length: 25_000 }, (_, index) => row(index + 1)))
      expect(await fixture.table.load(Array.from({ length: 25_000 }, (_, index) => index + 1))).toHaveLength(25_000)
      await fixture.table.remove(Array.from({ length: 24_999 }, (_, index) => index + 1))
      expect(ids(await fixture.table.scan({ limit: 10 }))).toEqual([25_000])
    })

    it('scans the keys alone, equal to those of the rows', async ({ skip }) => {
      const { table } = fixture
      if (table.scanKeys === undefined) return skip('the store derives keys from rows')
      await table.save([row(10), row(2), row(7)])
      const keys = await table.scanKeys({ after: 2, limit: 10 })
      expect(keys.map(keyText)).toEqual(['7', '10'])
    })

    it('inserts rows whose key is absent, touches no other, and names the conflicts', async ({ skip }) => {
      const { table } = fixture
      if (table.insertMissing === undefined) return skip('the store has no insertMissing')
      await table.save([row(1, 'old', 'a')])
      const outcome = await table.insertMissing([row(1, 'new'), row(2, 'new', 'a'), row(3, 'new', 'b'), row(4, 'new')])
      expect({ ...outcome, conflicts: outcome.conflicts.map(keyText) }).toEqual({ inserted: 2, conflicts: ['2'] })
      expect((await table.scan({ limit: 10 })).map((one) => `${one.id} ${one.label}`)).toEqual([
        '1 old',
        '3 new',
        '4 new',
      ])
    })

    describe('makeRoom', () => {
      const part = (id: number, code: string | null): ContractRow => ({ id, code }) as ContractRow
      const rows = async (): Promise<string[]> =>
        (await fixture.table.scan({ limit: 10 })).map((one) => `${one.id} ${one.label} ${one.code}`)

      /** In a transaction of a copy, as the mirror calls it. */
      async function change(saved: readonly ContractRow[], removed: readonly number[] = []): Promise<void> {
        const target = fixture.side.bind({ migration: 'contract', side: 'target' })
        await target.prepare()
        const { row: fence } = (await target.fence.read()) ?? {}
        if (fence === undefined) await target.fence.change(0, OPEN)
        await target.copy({ stripes: [], epoch: OPEN.epoch }, async ({ transaction }) => {
          await fixture.table.makeRoom?.({ saved, removed }, { transaction })
          await fixture.table.save(saved, { transaction })
          await fixture.table.remove(removed, { transaction })
        })
      }

      beforeEach(async ({ skip }) => {
        if (fixture.table.makeRoom === undefined) return skip('the store has no makeRoom')
        await fixture.table.save([row(1, 'one', 'a'), row(2, 'two', 'b'), row(3, 'three', 'c'), row(4, 'four', 'd')])
      })

      it('lets two rows swap a unique value, and keeps what they do not name', async () => {
        await change([part(1, 'b'), part(2, 'a')])
        expect(await rows()).toEqual(['1 one b', '2 two a', '3 three c', '4 four d'])
      })

      it('lets unique values go round, and on to a new row, and back from a removed one', async () => {
        await change([part(1, 'b'), part(2, 'c'), row(5, 'five', 'a'), part(3, 'd')], [4])
        expect(await rows()).toEqual(['1 one b', '2 two c', '3 three d', '5 five a'])
      })

      it('leaves a unique value alone that the saved row does not name', async () => {
        await change([{ id: 1, label: 'ONE' } as ContractRow, part(2, 'x')])
        expect(await rows()).toEqual(['1 ONE a', '2 two x', '3 three c', '4 four d'])
      })

      it('does not take a value from a row that is not among them, and changes nothing then', async () => {
        await expect(change([part(1, 'b'), part(2, 'c')])).rejects.toThrow()
        expect(await rows()).toEqual(['1 one a', '2 two b', '3 three c', '4 four d'])
      })

      it('refuses to work outside of a transaction', async () => {
        await expect(fixture.table.makeRoom?.({ saved: [part(1, 'b')], removed: [] }, {})).rejects.toMatchObject({
          option: 'transaction',
        })
        expect(await rows()).toContain('1 one a')
      })
    })

    it('counts', async ({ skip }) => {
      const { table } = fixture
      if (table.count === undefined) return skip('the store cannot count')
      await table.save([row(1), row(2)])
      const { rows, exact } = await table.count()
      if (exact) expect(rows).toBe(2)
      else expect(rows).toBeGreaterThanOrEqual(0)
    })

    it('moves its identity forward and never back', async ({ skip }) => {
      const { identity } = fixture.table
      if (identity === undefined) return skip('the store has no identity')
      await fixture.table.save([row(41)])
      expect((await identity.read()).largest).toBe(41n)
      await identity.moveTo(1_000n)
      expect((await identity.read()).next).toBeGreaterThanOrEqual(1_000n)
      await identity.moveTo(5n)
      expect((await identity.read()).next).toBeGreaterThanOrEqual(1_000n)
    })
  })
}
