import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EndedCall, Intent, Intents } from '../../intents.ts'
import { keyText, stripeOf } from '../../key.ts'
import type { BoundSide } from '../../side.ts'
import { OPEN, type SideFixture } from './side.ts'

const LONG_MS = 3_600_000

/**
 * What an adapter must do whose sides can capture by intent and keep the journal of an opaque side. Runs inside a vitest file;
 * `open` gives a fresh, empty database each time.
 */
export function intentsContract(name: string, open: () => Promise<SideFixture>): void {
  describe(`Intents contract: ${name}`, () => {
    let fixture: SideFixture
    let legacy: BoundSide
    let intents: Intents

    // One database for all of them: migrations in it do not see each other.
    let migrations = 0
    let migration: string
    beforeAll(async () => {
      fixture = await open()
    })
    afterAll(() => fixture.close())

    beforeEach(async () => {
      migration = `contract-${++migrations}`
      legacy = fixture.side.bind({ migration, side: 'legacy', intents: true })
      intents = legacy.intents as Intents
      await legacy.prepare()
      await legacy.fence.change(0, OPEN)
    })

    let calls = 0
    const intentOf = (...keys: readonly string[]): Intent => ({ call: `call-${++calls}`, entity: 'things', keys })
    const begun = async (intent: Intent, holdMs = LONG_MS): Promise<Intent> => {
      await intents.begin(intent, { holdMs })
      return intent
    }
    const journalKeys = async (): Promise<readonly string[]> =>
      (await legacy.journal.read({ limit: 100 })).map((row) => `${row.entity}/${row.key}`)
    const emptyJournal = async (): Promise<void> => {
      await legacy.journal.remove((await legacy.journal.read({ limit: 100 })).map(({ id }) => id))
    }
    const depth = async (): Promise<number> => (await legacy.journal.stats()).depth

    describe('a call in flight', () => {
      it('is dirty, and no copier sees it', async () => {
        await begun(intentOf('1', '2'))
        expect(await journalKeys()).toEqual([])
        expect(await legacy.journal.dirty('things', ['1', '2', '3'])).toEqual(new Set(['1', '2']))
        expect(await legacy.journal.dirty('other', ['1'])).toEqual(new Set())
        expect([await legacy.journal.hasDirty('things'), await legacy.journal.hasDirty('other')]).toEqual([true, false])
        expect(await legacy.journal.stats()).toMatchObject({ depth: 2, parked: 0 })
      })

      it('counts for the age of what is dirty', async () => {
        await begun(intentOf('1'))
        await expect.poll(async () => (await legacy.journal.stats()).oldestAgeMs).toBeGreaterThan(0)
      })

      it('whose keys are not known yet makes the entity dirty, and no key of it', async () => {
        const intent = await begun(intentOf())
        expect([await depth(), await legacy.journal.hasDirty('things')]).toEqual([1, true])
        expect(await legacy.journal.dirty('things', ['', '1'])).toEqual(new Set())
        await intents.end([{ ...intent, keys: ['7'] }])
        expect([await depth(), await journalKeys()]).toEqual([1, ['things/7']])
      })

      it('is counted only where the side is captured by intent', async () => {
        await begun(intentOf('1'))
        const bare = fixture.side.bind({ migration, side: 'target' })
        expect((await bare.journal.stats()).depth).toBe(0)
        const other = fixture.side.bind({ migration: 'another', side: 'legacy', intents: true })
        expect([(await other.journal.stats()).depth, await other.journal.hasDirty('things')]).toEqual([0, false])
      })

      it('is not begun while the fence is closed, or where the side is not the primary', async () => {
        await legacy.fence.change(1, { ...OPEN, open: false })
        await expect(begun(intentOf('1'))).rejects.toSatisfy((error) => legacy.isStalePhase(error))
        await legacy.fence.change(2, { ...OPEN, epoch: 4, phase: 'target-primary', primary: 'target' })
        await expect(begun(intentOf('1', '2'))).rejects.toSatisfy((error) => legacy.isStalePhase(error))
        await expect(begun(intentOf())).rejects.toSatisfy((error) => legacy.isStalePhase(error))
        expect(await depth()).toBe(0)
      })
    })

    describe('end', () => {
      it('leaves a mark in its place, in one step', async () => {
        const [first, second] = [await begun(intentOf('1', '2')), await begun(intentOf('3'))]
        await intents.end([first, { ...second, keys: ['3', '4'] }])
        expect((await journalKeys()).toSorted()).toEqual(['1', '2', '3', '4'].map((key) => `things/${key}`))
        expect(await depth()).toBe(4)
      })

      it('makes a new mark, which a copier that has seen the old one leaves alone', async () => {
        const intent = await begun(intentOf('1'))
        await legacy.journal.mark([{ entity: 'things', key: '1' }])
        const seen = (await legacy.journal.read({ limit: 10 })).map(({ id }) => id)
        await intents.end([intent])
        await legacy.journal.remove(seen)
        expect(await journalKeys()).toEqual(['things/1'])
      })

      it('marks the keys of a call that is forgotten already, and goes by while the fence is closed', async () => {
        const intent = await begun(intentOf('1'))
        await intents.end([intent])
        await emptyJournal()
        await legacy.fence.change(1, { ...OPEN, open: false })
        await intents.end([intent])
        expect(await journalKeys()).toEqual(['things/1'])
      })

      it('forgets a call that left nothing to mark', async () => {
        await intents.end([await begun(intentOf())])
        await intents.end([])
        expect(await depth()).toBe(0)
      })

      it('keeps the keys dirty of a call that may still take effect, and marks them once more in the end', async () => {
        const intent = await begun(intentOf('1'))
        const unknown: EndedCall = { ...intent, quarantineMs: LONG_MS }
        await intents.end([unknown])
        expect([await depth(), await journalKeys()]).toEqual([2, ['things/1']])
        await emptyJournal()
        await intents.reap({ quarantineMs: LONG_MS })
        expect([await depth(), await journalKeys()]).toEqual([1, []])
        await intents.end([{ ...intent, quarantineMs: 0 }])
        await emptyJournal()
        expect(await intents.reap({ quarantineMs: LONG_MS })).toEqual([])
        expect([await depth(), await journalKeys()]).toEqual([1, ['things/1']])
      })
    })

    describe('reap', () => {
      it('leaves a call alone that is held', async () => {
        const intent = await begun(intentOf('1'), 0)
        await intents.extend([intent.call, 'call-unknown'], { holdMs: LONG_MS })
        expect(await intents.reap({ quarantineMs: 0 })).toEqual([])
        expect([await depth(), await journalKeys()]).toEqual([1, []])
      })

      it('marks the keys of a dead owner at once and when the quarantine is over, and not in between', async () => {
        await begun(intentOf('1', '2'), 0)
        await begun(intentOf('3'))
        await intents.reap({ quarantineMs: LONG_MS })
        expect(await journalKeys()).toEqual(['things/1', 'things/2'])
        await emptyJournal()
        await intents.reap({ quarantineMs: LONG_MS })
        expect([await depth(), await journalKeys()]).toEqual([3, []])
      })

      it('forgets the call with its last mark', async () => {
        await begun(intentOf('1'), 0)
        await intents.reap({ quarantineMs: 0 })
        await emptyJournal()
        await intents.reap({ quarantineMs: 0 })
        expect([await depth(), await journalKeys()]).toEqual([1, ['things/1']])
        await emptyJournal()
        await intents.reap({ quarantineMs: 0 })
        expect(await depth()).toBe(0)
      })

      it('does it once, however many reap at a time', async () => {
        await begun(intentOf('1'), 0)
        await Promise.all([1, 2, 3].map(() => intents.reap({ quarantineMs: LONG_MS })))
        expect([await depth(), await journalKeys()]).toEqual([2, ['things/1']])
      })

      it('names a call of unknown keys when its quarantine is over, until somebody ends it', async () => {
        const intent = await begun(intentOf(), 0)
        expect(await intents.reap({ quarantineMs: 0 })).toEqual([])
        const lost = [{ call: intent.call, entity: 'things' }]
        expect(await intents.reap({ quarantineMs: 0 })).toEqual(lost)
        expect(await intents.reap({ quarantineMs: 0 })).toEqual(lost)
        expect(await depth()).toBe(1)
        await intents.end([intent])
        expect([await intents.reap({ quarantineMs: 0 }), await depth()]).toEqual([[], 0])
      })

      it('gives a call back to an owner who was slow, not dead', async () => {
        const intent = await begun(intentOf('1'), 0)
        await intents.reap({ quarantineMs: 0 })
        await intents.extend([intent.call], { holdMs: LONG_MS })
        await emptyJournal()
        await intents.reap({ quarantineMs: 0 })
        expect([await depth(), await journalKeys()]).toEqual([1, []])
      })
    })

    describe('the version of a copy', () => {
      let target: BoundSide
      beforeEach(async () => {
        target = fixture.side.bind({ migration, side: 'target' })
        await target.prepare()
        await target.fence.change(0, OPEN)
      })
      const copy = (
        stripes: readonly number[],
        work: (version: bigint) => Promise<void> = async () => {},
        wait: 'all' | 'free' = 'all',
      ): Promise<{ readonly version: bigint; readonly stripes: readonly number[] }> =>
        target.copy({ stripes, epoch: 3, versioned: true, wait, timeoutMs: 20_000 }, async (held) => {
          await work(held.version as bigint)
          return { version: held.version as bigint, stripes: held.stripes }
        })

      it('is there when it is asked for, and not otherwise', async () => {
        expect(typeof (await copy([1])).version).toBe('bigint')
        expect(typeof (await copy([])).version).toBe('bigint')
        expect(await target.copy({ stripes: [1], epoch: 3 }, async ({ version }) => version)).toBeUndefined()
      })

      it('is greater for the later of two copies of a stripe, whatever became of the earlier one', async () => {
        const stripe = stripeOf(keyText(1))
        const { version: first } = await copy([stripe, 3])
        let second = 0n
        const failed = copy([stripe], async (version) => {
          second = version
          throw new Error('rolled back')
        })
        await expect(failed).rejects.toThrow('rolled back')
        const { version: third } = await copy([3, stripe])
        expect(second > first && third > second).toBe(true)
      })

      it('is never given twice, and rises for every stripe, in a crowd', async () => {
        const byStripe = new Map<number, bigint[]>()
        const seen: bigint[] = []
        const one = async (n: number): Promise<void> => {
          await target.copy(
            { stripes: [n % 3, 5], epoch: 3, versioned: true, wait: n % 2 === 0 ? 'free' : 'all', timeoutMs: 20_000 },
            async ({ version = 0n, stripes }) => {
              seen.push(version)
              for (const stripe of stripes) byStripe.set(stripe, [...(byStripe.get(stripe) ?? []), version])
              await new Promise((resolve) => setTimeout(resolve, 2))
            },
          )
        }
        await Promise.all(Array.from({ length: 12 }, (_, n) => one(n)))
        expect(new Set(seen).size).toBe(12)
        for (const versions of byStripe.values())
          expect(versions).toEqual(versions.toSorted((a, b) => (a < b ? -1 : 1)))
      })
    })
  })
}
