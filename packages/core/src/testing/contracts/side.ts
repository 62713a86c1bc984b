import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EntityStore } from '../../entity-store.ts'
import { keyText, stripeOf } from '../../key.ts'
import type { BoundSide, Copy, FenceRow, Side } from '../../side.ts'

/** One row of the table that the contract works on: an integer key, a text, and a unique text that may be null. */
export interface ContractRow {
  readonly id: number
  readonly label: string
  readonly code: string | null
}

/** What an adapter gives the contract: a side, and an empty table of `ContractRow` on it. */
export interface SideFixture {
  readonly side: Side
  readonly table: EntityStore<ContractRow, ContractRow>
  close(): Promise<void>
}

/** A fence row of `dual-write`, open, with legacy as the primary. */
export const OPEN: Omit<FenceRow, 'revision'> = {
  incarnation: 'i.1',
  epoch: 3,
  phase: 'dual-write',
  primary: 'legacy',
  open: true,
  pending: null,
  unrecorded: [],
}

/** What every adapter of the port `Side` must do. Runs inside a vitest file; `open` gives a fresh, empty database each time. */
export function sideContract(name: string, open: () => Promise<SideFixture>): void {
  describe(`Side contract: ${name}`, () => {
    let fixture: SideFixture
    let legacy: BoundSide
    let target: BoundSide

    beforeEach(async () => {
      fixture = await open()
      legacy = fixture.side.bind({ migration: 'contract', side: 'legacy' })
      target = fixture.side.bind({ migration: 'contract', side: 'target' })
      await legacy.prepare()
      await target.prepare()
    })

    afterEach(() => fixture.close())

    const entities = (): { name: string; store: EntityStore }[] => [{ name: 'things', store: fixture.table }]
    const tooLate: ContractRow = { id: 9, label: 'too late', code: null }
    const journalKeys = async (side: BoundSide): Promise<readonly string[]> =>
      (await side.journal.read({ limit: 100 })).map((row) => `${row.entity}/${row.key}`)

    it('prepares again, and twice at once, without harm', async () => {
      await Promise.all([legacy.prepare(), legacy.prepare()])
      await legacy.prepare()
    })

    describe('the log of changes', () => {
      const remove = async (...keys: readonly string[]): Promise<void> => {
        await legacy.journal.mark(keys.map((key) => ({ entity: 'things', key })))
        await legacy.journal.remove((await legacy.journal.read({ limit: 100 })).map(({ id }) => id))
      }
      const changed = async (entity = 'things'): Promise<readonly string[]> =>
        ((await legacy.journal.changes?.read(entity, { limit: 100 })) ?? []).map(({ key }) => key).toSorted()

      it('remembers the keys of removed rows from the moment on at which somebody asks', async ({ skip }) => {
        const { changes } = legacy.journal
        if (changes === undefined) return skip('the journal has no log of changes')
        await remove('1')
        await changes.start('things')
        await remove('2', '3', '2')
        await remove('3')
        await legacy.journal.mark([{ entity: 'things', key: '4' }])
        expect(await changed()).toEqual(['2', '3'])
        expect(await changed('others')).toEqual([])
        const first = await changes.read('things', { limit: 1 })
        const rest = await changes.read('things', { limit: 10, ...(first[0] === undefined ? {} : { after: first[0] }) })
        expect([...first, ...rest].map(({ key }) => key).toSorted()).toEqual(['2', '3'])
        await changes.start('things')
        expect(await changed()).toEqual([])
        await changes.stop('things')
        await remove('5')
        expect(await changed()).toEqual([])
      })

      it('forgets what it is told to, except what changed again meanwhile', async ({ skip }) => {
        const { changes } = legacy.journal
        if (changes === undefined) return skip('the journal has no log of changes')
        await changes.start('things')
        await remove('1', 'a|b ~ ü')
        const seen = await changes.read('things', { limit: 10 })
        await remove('1')
        await changes.forget('things', seen)
        expect(await changed()).toEqual(['1'])
      })
    })

    describe('journal', () => {
      it('hands out marks oldest first and removes exactly the rows named', async () => {
        await legacy.journal.mark([
          { entity: 'things', key: '1' },
          { entity: 'things', key: '2' },
        ])
        await legacy.journal.mark([{ entity: 'things', key: '1' }])
        const rows = await legacy.journal.read({ limit: 100 })
        expect(rows.map((row) => row.key)).toEqual(['1', '2', '1'])
        await legacy.journal.remove([rows[1]!.id])
        expect((await legacy.journal.read({ limit: 100 })).map((row) => row.id)).toEqual([rows[0]!.id, rows[2]!.id])
      })

      it('accepts an empty list of marks and of ids', async () => {
        await legacy.journal.mark([])
        await legacy.journal.remove([])
        expect(await legacy.journal.read({ limit: 1 })).toEqual([])
      })

      it('tells which keys are dirty, parked ones included', async () => {
        await legacy.journal.mark([
          { entity: 'things', key: '1' },
          { entity: 'other', key: '2' },
        ])
        const [row] = await legacy.journal.read({ limit: 1 })
        await legacy.journal.park([row!.id], { error: 'Error' })
        expect(await legacy.journal.dirty('things', ['1', '2', '3'])).toEqual(new Set(['1']))
        expect(await legacy.journal.dirty('things', [])).toEqual(new Set())
        expect([await legacy.journal.hasDirty('things'), await legacy.journal.hasDirty('nothing')]).toEqual([
          true,
          false,
        ])
      })

      it('holds deferred rows back, counts their attempts, and gives them a new chance with a new mark', async () => {
        await legacy.journal.mark([{ entity: 'things', key: '1' }])
        const [row] = await legacy.journal.read({ limit: 1 })
        await legacy.journal.defer([row!.id], { delayMs: 3_600_000, error: 'Error' })
        expect(await legacy.journal.read({ limit: 10 })).toEqual([])
        await legacy.journal.mark([{ entity: 'things', key: '1' }])
        const both = await legacy.journal.read({ limit: 10 })
        expect(both.map((one) => one.attempts).sort((a, b) => a - b)).toEqual([0, 1])
      })

      it('makes a deferred row due after its delay', async () => {
        await legacy.journal.mark([{ entity: 'things', key: '1' }])
        const [row] = await legacy.journal.read({ limit: 1 })
        await legacy.journal.defer([row!.id], { delayMs: 0, error: 'Error' })
        await expect.poll(() => journalKeys(legacy)).toEqual(['things/1'])
      })

      it('parks rows with their reason until somebody retries them', async () => {
        await legacy.journal.mark([{ entity: 'things', key: '1' }])
        const [row] = await legacy.journal.read({ limit: 1 })
        await legacy.journal.park([row!.id], { error: 'UniqueError (23505)' })
        expect(await legacy.journal.read({ limit: 10 })).toEqual([])
        expect(await legacy.journal.parked({ limit: 10 })).toMatchObject([
          { entity: 'things', key: '1', error: 'UniqueError (23505)' },
        ])
        expect(await legacy.journal.stats()).toMatchObject({ depth: 1, parked: 1, oldestAgeMs: 0 })
        expect(await legacy.journal.retry()).toBe(1)
        expect(await journalKeys(legacy)).toEqual(['things/1'])
      })

      describe('compact', () => {
        const mark = (...keys: readonly string[]): Promise<void> =>
          legacy.journal.mark(keys.map((key) => ({ entity: 'things', key })))
        const ids = async (): Promise<readonly string[]> =>
          (await legacy.journal.read({ limit: 100 })).map((row) => row.id)
        const compactAll = async (limit: number): Promise<number> => {
          let removed = 0
          for (let after: string | undefined; ; ) {
            const done = await legacy.journal.compact?.({ limit, ...(after === undefined ? {} : { after }) })
            removed += done?.removed ?? 0
            after = done?.next
            if (after === undefined) return removed
          }
        }
        beforeEach(({ skip }) => {
          if (legacy.journal.compact === undefined) skip('the journal cannot be compacted')
        })

        it('leaves one row of each key', async () => {
          await mark('1', '2', '1', '3', '1', '3')
          expect(await compactAll(100)).toBe(3)
          expect((await journalKeys(legacy)).toSorted()).toEqual(['things/1', 'things/2', 'things/3'])
          expect(await compactAll(100)).toBe(0)
        })

        it('leaves a row that no copier has seen, for the sake of writes that it did not see', async () => {
          await mark('1', '2')
          const seen = await ids()
          await mark('1')
          await compactAll(100)
          await legacy.journal.remove(seen)
          expect(await journalKeys(legacy)).toEqual(['things/1'])
        })

        it('does not make a clean key dirty', async () => {
          await mark('1', '1', '2')
          const seen = await ids()
          await Promise.all([compactAll(100), legacy.journal.remove(seen)])
          // Whoever came first: a row of the key that was marked twice may be left, of the other one none can be.
          expect(await legacy.journal.dirty('things', ['2'])).toEqual(new Set())
          await legacy.journal.remove(await ids())
          expect(await compactAll(100)).toBe(0)
          expect(await journalKeys(legacy)).toEqual([])
        })

        it('comes to the same in small steps', async () => {
          await mark('1', '2', '1', '3', '1', '3', '4')
          expect(await compactAll(2)).toBe(3)
          expect((await journalKeys(legacy)).toSorted()).toEqual([1, 2, 3, 4].map((key) => `things/${key}`))
        })

        it('leaves rows that failed or are parked as they are', async () => {
          await mark('1', '2')
          const [first, second] = await ids()
          await legacy.journal.defer([first!], { delayMs: 3_600_000, error: 'Error' })
          await legacy.journal.park([second!], { error: 'Error' })
          await mark('1', '1', '2')
          expect(await compactAll(100)).toBe(1)
          expect(await legacy.journal.parked({ limit: 5 })).toMatchObject([{ id: second, attempts: 1 }])
          expect(await legacy.journal.stats()).toMatchObject({ depth: 4, parked: 1 })
        })

        it('keeps to its own migration and side', async () => {
          await mark('1', '1')
          await target.journal.mark([
            { entity: 'things', key: '1' },
            { entity: 'things', key: '1' },
          ])
          expect(await compactAll(100)).toBe(1)
          expect(await target.journal.stats()).toMatchObject({ depth: 2 })
        })
      })

      it('keeps migrations and sides apart', async () => {
        await legacy.journal.mark([{ entity: 'things', key: '1' }])
        expect(await journalKeys(target)).toEqual([])
        expect(await journalKeys(fixture.side.bind({ migration: 'another', side: 'legacy' }))).toEqual([])
      })
    })

    describe('fence', () => {
      it('has no row at first, and creates it once', async () => {
        expect(await legacy.fence.read()).toBeUndefined()
        expect(await legacy.fence.change(0, OPEN)).toBe(true)
        expect(await legacy.fence.change(0, { ...OPEN, epoch: 9 })).toBe(false)
        expect(await legacy.fence.read()).toMatchObject({ row: { ...OPEN, revision: 1 }, now: expect.any(Number) })
      })

      it('changes when the revision is the one expected, and carries everything it was given', async () => {
        await legacy.fence.change(0, OPEN)
        const next: Omit<FenceRow, 'revision'> = {
          ...OPEN,
          open: false,
          pending: { to: 'target-primary', instance: 'me', deadline: 1_700_000_000_123 },
          unrecorded: [
            {
              at: 1,
              epoch: 3,
              action: 'phase',
              from: 'capture',
              to: 'dual-write',
              actor: 'a',
              reason: 'é"\\\'',
              evidence: { x: [1, null] },
            },
          ],
        }
        expect(await legacy.fence.change(1, next)).toBe(true)
        expect(await legacy.fence.change(1, OPEN)).toBe(false)
        expect((await legacy.fence.read())?.row).toEqual({ ...next, revision: 2 })
      })

      it('reads a clock of milliseconds', async () => {
        await legacy.fence.change(0, OPEN)
        expect(Math.abs((await legacy.fence.read())!.now - Date.now())).toBeLessThan(60_000)
      })
    })

    describe('capture', () => {
      beforeEach(async () => {
        await legacy.fence.change(0, OPEN)
        await legacy.capture.install(entities())
      })

      it('leaves the key of every insert, update and delete in the journal', async () => {
        await fixture.table.save([
          { id: 1, label: 'a', code: null },
          { id: 2, label: 'b', code: null },
        ])
        await fixture.table.save([{ id: 1, label: 'c', code: null }])
        await fixture.table.remove([2])
        const keys = await journalKeys(legacy)
        expect(new Set(keys)).toEqual(new Set(['things/1', 'things/2']))
        expect(keys.filter((key) => key === 'things/1').length).toBeGreaterThanOrEqual(2)
        expect(keys.filter((key) => key === 'things/2').length).toBeGreaterThanOrEqual(2)
      })

      it('is complete after install, incomplete after uninstall, and both are idempotent', async () => {
        await legacy.capture.install(entities())
        expect(await legacy.capture.verify(entities())).toEqual([])
        await legacy.capture.uninstall(entities())
        await legacy.capture.uninstall(entities())
        expect(await legacy.capture.verify(entities())).not.toEqual([])
        await fixture.table.save([{ id: 1, label: 'a', code: null }])
        expect(await journalKeys(legacy)).toEqual([])
      })

      it('refuses writes while the fence is closed, and writes nothing', async () => {
        await legacy.fence.change(1, { ...OPEN, open: false })
        const refused = await fixture.table.save([{ id: 1, label: 'a', code: null }]).then(
          () => undefined,
          (error: unknown) => error,
        )
        expect(legacy.isStalePhase(refused)).toBe(true)
        expect(legacy.isStalePhase(new Error('twin'))).toBe(false)
        expect(await fixture.table.load([1])).toEqual([])
      })

      it('refuses writes on a side that is no longer the primary', async () => {
        await legacy.fence.change(1, { ...OPEN, epoch: 4, phase: 'target-primary', primary: 'target' })
        await expect(fixture.table.save([{ id: 1, label: 'a', code: null }])).rejects.toSatisfy((error) =>
          legacy.isStalePhase(error),
        )
        await expect(fixture.table.remove([1])).resolves.toBeUndefined()
      })
    })

    describe('captureWrite', () => {
      beforeEach(() => legacy.fence.change(0, OPEN))

      it('commits the write together with the marks of its keys', async () => {
        const result = await legacy.captureWrite(
          { entity: 'things', keys: (id: number) => [id] },
          async (connection) => {
            await fixture.table.save([{ id: 5, label: 'a', code: null }], { transaction: connection })
            return 5
          },
        )
        expect(result).toBe(5)
        expect(await journalKeys(legacy)).toEqual(['things/5'])
        expect(await fixture.table.load([5])).toHaveLength(1)
      })

      it('rolls both back when the write throws, and throws the same object', async () => {
        const mine = new Error('mine')
        const failed = legacy.captureWrite({ entity: 'things', keys: () => [5] }, async (connection) => {
          await fixture.table.save([{ id: 5, label: 'a', code: null }], { transaction: connection })
          throw mine
        })
        await expect(failed).rejects.toBe(mine)
        expect(await journalKeys(legacy)).toEqual([])
        expect(await fixture.table.load([5])).toEqual([])
      })

      it('rolls back and throws StalePhaseError when the side does not accept writes', async () => {
        await legacy.fence.change(1, { ...OPEN, open: false })
        const refused = legacy.captureWrite({ entity: 'things', keys: () => [5] }, (connection) =>
          fixture.table.save([{ id: 5, label: 'a', code: null }], { transaction: connection }),
        )
        await expect(refused).rejects.toSatisfy((error) => legacy.isStalePhase(error))
        expect(await fixture.table.load([5])).toEqual([])
      })

      describe('when the marks cannot be made', () => {
        const lost = new Error('lost')
        const write = (uncaptured?: (error: unknown) => Promise<void>): Promise<void> =>
          legacy.captureWrite(
            {
              entity: 'things',
              keys() {
                throw lost
              },
              ...(uncaptured === undefined ? {} : { uncaptured }),
            },
            (connection) => fixture.table.save([{ id: 5, label: 'a', code: null }], { transaction: connection }),
          )

        it('rolls back and throws the same object', async () => {
          await expect(write()).rejects.toBe(lost)
          expect(await fixture.table.load([5])).toEqual([])
        })

        it('commits the write when somebody answers for it, and rolls it back when that one throws', async () => {
          const mine = new Error('mine')
          await expect(write(() => Promise.reject(mine))).rejects.toBe(mine)
          expect(await fixture.table.load([5])).toEqual([])

          const heard: unknown[] = []
          await write(async (error) => {
            heard.push(error)
          })
          expect(heard).toEqual([lost])
          expect(await fixture.table.load([5])).toHaveLength(1)
          expect(await journalKeys(legacy)).toEqual([])
        })

        it('refuses it all the same when the side does not accept writes, and asks nobody', async () => {
          await legacy.fence.change(1, { ...OPEN, open: false })
          const heard: unknown[] = []
          const refused = write(async (error) => {
            heard.push(error)
          })
          await expect(refused).rejects.toSatisfy((error) => legacy.isStalePhase(error))
          expect(heard).toEqual([])
          expect(await fixture.table.load([5])).toEqual([])
        })
      })
    })

    describe('copy', () => {
      beforeEach(async () => {
        await target.fence.change(0, OPEN)
        await target.capture.install(entities())
      })

      it('writes without being captured or refused on the secondary', async () => {
        const held = await target.copy(
          { stripes: [stripeOf(keyText(1)), 3], epoch: 3 },
          async ({ transaction, stripes }) => {
            await fixture.table.save([{ id: 1, label: 'a', code: null }], { transaction })
            expect(await fixture.table.load([1], { transaction })).toHaveLength(1)
            return stripes
          },
        )
        expect(new Set(held)).toEqual(new Set([stripeOf('1'), 3]))
        expect(await fixture.table.load([1])).toEqual([{ id: 1, label: 'a', code: null }])
        expect(await journalKeys(target)).toEqual([])
      })

      it('rolls everything back when the work throws', async () => {
        const mine = new Error('mine')
        const failed = target.copy({ stripes: [1], epoch: 3 }, async ({ transaction }) => {
          await fixture.table.save([{ id: 1, label: 'a', code: null }], { transaction })
          throw mine
        })
        await expect(failed).rejects.toBe(mine)
        expect(await fixture.table.load([1])).toEqual([])
        // Nothing of the failed copy lets a foreign write through.
        await expect(fixture.table.save([{ id: 1, label: 'a', code: null }])).rejects.toSatisfy((error) =>
          target.isStalePhase(error),
        )
      })

      describe('attempt', () => {
        const tried = { id: 2, label: 'tried', code: null }
        const copying = (
          work: (attempt: NonNullable<Copy['attempt']>, transaction: unknown) => Promise<void>,
        ): Promise<void> =>
          target.copy({ stripes: [1], epoch: 3 }, async ({ transaction, attempt }) => {
            await fixture.table.save([{ id: 1, label: 'before', code: null }], { transaction })
            await work(attempt as NonNullable<Copy['attempt']>, transaction)
            await fixture.table.save([{ id: 3, label: 'after', code: null }], { transaction })
          })
        const labels = async (): Promise<readonly string[]> =>
          (await fixture.table.scan({ limit: 10 })).map((row) => row.label)
        beforeEach(async ({ skip }) => {
          const able = await target.copy({ stripes: [1], epoch: 3 }, async ({ attempt }) => attempt !== undefined)
          if (!able) skip('a part of a transaction cannot be taken back')
        })

        it('takes back what it wrote, and that alone', async () => {
          await copying(async (attempt, transaction) => {
            const seen = await attempt(async () => {
              await fixture.table.save([tried, { id: 1, label: 'changed', code: null }], { transaction })
              return fixture.table.load([1, 2], { transaction })
            })
            expect(seen.map((row) => row.label).sort()).toEqual(['changed', 'tried'])
            expect(await fixture.table.load([2], { transaction })).toEqual([])
          })
          expect(await labels()).toEqual(['before', 'after'])
        })

        it('throws the same object, and the copy goes on', async () => {
          const mine = new Error('mine')
          await copying(async (attempt, transaction) => {
            const failed = attempt(async () => {
              await fixture.table.save([tried], { transaction })
              throw mine
            })
            await expect(failed).rejects.toBe(mine)
          })
          expect(await labels()).toEqual(['before', 'after'])
        })

        it('goes on after a statement that the database refused', async () => {
          await copying(async (attempt, transaction) => {
            await fixture.table.save([{ id: 5, label: 'holds the code', code: 'x' }], { transaction })
            const refused = attempt(() => fixture.table.save([{ ...tried, code: 'x' }], { transaction }))
            await expect(refused).rejects.toThrow()
          })
          expect(await labels()).toEqual(['before', 'after', 'holds the code'])
        })

        it('can be made again and again', async () => {
          await copying(async (attempt, transaction) => {
            for (let time = 0; time < 3; time++) {
              await attempt(() => fixture.table.save([tried], { transaction }))
            }
          })
          expect(await labels()).toEqual(['before', 'after'])
        })
      })

      it('rolls back and ends after its time, whatever the work does', async () => {
        const late = target.copy({ stripes: [1], epoch: 3, timeoutMs: 300 }, async ({ transaction }) => {
          await fixture.table.save([tooLate], { transaction })
          await new Promise(() => {})
        })
        await expect(late).rejects.toMatchObject({ code: 'TWINSPAN_TIMEOUT' })
        await target.copy({ stripes: [1], epoch: 3 }, async ({ transaction }) => {
          expect(await fixture.table.load([tooLate.id], { transaction })).toEqual([])
        })
      })

      it('refuses a copier of another epoch, and one whose side is the primary', async () => {
        await expect(target.copy({ stripes: [1], epoch: 2 }, async () => {})).rejects.toMatchObject({
          code: 'TWINSPAN_STALE_PHASE',
        })
        await target.fence.change(1, { ...OPEN, epoch: 4, phase: 'target-primary', primary: 'target' })
        await expect(target.copy({ stripes: [1], epoch: 4 }, async () => {})).rejects.toMatchObject({
          code: 'TWINSPAN_STALE_PHASE',
        })
      })

      it('lets one copier at a time hold a stripe', async () => {
        let inside = 0
        let most = 0
        const copy = (): Promise<void> =>
          target.copy({ stripes: [7], epoch: 3, timeoutMs: 20_000 }, async () => {
            most = Math.max(most, ++inside)
            await new Promise((resolve) => setTimeout(resolve, 20))
            inside--
          })
        await Promise.all([copy(), copy(), copy()])
        expect(most).toBe(1)
      })
    })
  })
}
