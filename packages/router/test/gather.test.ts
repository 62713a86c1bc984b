import type { Document, Json, Migration, MigrationStore } from '@twinspan/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addDeltas, type GuardDeltas, NO_DELTAS } from '../src/guard/deltas.ts'
import { createGatherer } from '../src/guard/gather.ts'
import { createShare } from '../src/guard/shared.ts'
import { createUnitCount } from '../src/guard/unit-count.ts'

function errors(legacy: number, target: number, bad: number): GuardDeltas {
  return { errors: { legacy: { total: legacy, bad: 0 }, target: { total: target, bad } } }
}

/** A store of documents alone, of which every write can fail before or after it was done. */
function documents() {
  const stored = new Map<string, Document>()
  let fault: 'before' | 'after' | undefined
  const store: Partial<MigrationStore> = {
    async getDocument(name) {
      return stored.get(name)
    },
    async putDocument(name, value, { expected = 0 } = {}) {
      const failing = fault
      fault = undefined
      if (failing === 'before') throw new Error('not done')
      if ((stored.get(name)?.version ?? 0) !== expected) return false
      stored.set(name, { value: JSON.parse(JSON.stringify(value)) as Json, version: expected + 1 })
      if (failing === 'after') throw new Error('done, but who knows')
      return true
    },
  }
  return {
    stored,
    fail: (when: 'before' | 'after') => {
      fault = when
    },
    share: (instance: string) => createShare({ instance, store } as unknown as Migration),
  }
}

describe('what processes share', () => {
  const action = fc.record({
    process: fc.nat(2),
    target: fc.nat(20),
    what: fc.constantFrom('flush', 'flush', 'fail before', 'fail after', 'gather', 'only count'),
  })

  it('arrives once and completely, whatever is written late, twice or not at all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
        const { stored, fail, share } = documents()
        const shares = ['a', 'b', 'c'].map(share)
        const gatherer = createGatherer(300_000)
        gatherer.gather(0, stored)
        let counted = NO_DELTAS
        let gathered = NO_DELTAS
        for (const { process, target, what } of actions) {
          const deltas = errors(target * 3, target, target > 10 ? 1 : 0)
          counted = addDeltas(counted, deltas)
          shares[process]!.add(deltas, [])
          if (what === 'fail before') fail('before')
          if (what === 'fail after') fail('after')
          if (what === 'gather') gathered = addDeltas(gathered, gatherer.gather(0, stored))
          else if (what !== 'only count') await shares[process]!.flush().catch(() => {})
        }
        for (const one of shares) await one.flush().catch(() => one.flush())
        gathered = addDeltas(gathered, gatherer.gather(0, stored))
        expect(gathered).toEqual(counted)
      }),
    )
  })

  it('counts a unit that is bad in several processes once', async () => {
    const { stored, share } = documents()
    const gatherer = createGatherer(300_000)
    gatherer.gather(0, stored)
    for (const name of ['a', 'b', 'c']) {
      const one = share(name)
      one.add(errors(10, 5, 2), [
        { at: 'errors.target', hash: 1 },
        { at: 'errors.target', hash: name.charCodeAt(0) },
      ])
      await one.flush()
    }
    const { errors: found } = gatherer.gather(1_000, stored)
    expect(found).toEqual({ legacy: { total: 30, bad: 0 }, target: { total: 13, bad: 4 } })
  })

  it('takes what was there before it watched for history', async () => {
    const { stored, share } = documents()
    const one = share('a')
    one.add(errors(100, 50, 50), [])
    await one.flush()
    const gatherer = createGatherer(300_000)
    expect(gatherer.gather(0, stored)).toEqual(NO_DELTAS)
    one.add(errors(1, 1, 0), [])
    await one.flush()
    expect(gatherer.gather(0, stored).errors?.target).toEqual({ total: 1, bad: 0 })
  })

  it('begins anew when its document was removed because it had nothing to say', async () => {
    const { stored, share } = documents()
    const gatherer = createGatherer(300_000)
    gatherer.gather(0, stored)
    const one = share('a')
    one.add(errors(100, 50, 0), [])
    await one.flush()
    gatherer.gather(0, stored)
    expect(gatherer.silent(600_001)).toEqual([...stored.keys()])
    stored.clear()
    gatherer.gather(600_001, stored)
    one.add(errors(3, 2, 1), [])
    await one.flush()
    expect(gatherer.gather(600_002, stored).errors).toEqual({
      legacy: { total: 3, bad: 0 },
      target: { total: 2, bad: 1 },
    })
  })
})

describe('a process that begins anew under its old version', () => {
  it('is counted from its beginning', async () => {
    const { stored, share } = documents()
    const gatherer = createGatherer(300_000)
    gatherer.gather(0, stored)
    const before = share('a')
    before.add(errors(100, 50, 0), [])
    await before.flush()
    gatherer.gather(0, stored)
    stored.clear()
    const again = share('a')
    for (const total of [3, 4]) {
      again.add(errors(total, total, 1), [])
      await again.flush()
    }
    expect(gatherer.gather(0, stored).errors?.target).toEqual({ total: 7, bad: 2 })
  })
})

describe('a count of units', () => {
  it.each([0, 1, 10, 100, 1_000, 20_000, 200_000])('is right about %d of them within a tenth', (units) => {
    const count = createUnitCount()
    for (let n = 0; n < units; n++) for (let again = 0; again < 2; again++) count.add(`user-${n}`)
    expect(Math.abs(count.estimate() - units)).toBeLessThanOrEqual(units / 10)
  })

  it('adds up to that of all processes', () => {
    const [all, one, two] = [createUnitCount(), createUnitCount(), createUnitCount()]
    for (let n = 0; n < 5_000; n++) {
      all.add(`user-${n}`)
      if (n < 3_000) one.add(`user-${n}`)
      if (n > 2_000) two.add(`user-${n}`)
    }
    one.merge(two.text())
    expect(one.estimate()).toBe(all.estimate())
  })
})
