import type { Key } from '@twinspan/core'
import { reconcile, type SampleOptions, type SampleResult } from '@twinspan/reconcile'
import { describe, expect, it } from 'vitest'
import { begin } from '../src/comparison.ts'
import { compareSettings } from '../src/options.ts'
import { drawByProbe, drawByScan } from '../src/sample/draw.ts'
import { drain, member, tamper, toUser, type World, world } from './world.ts'

const sample = ({ migration, entity }: World, options: SampleOptions = {}): Promise<SampleResult> =>
  reconcile.sample(migration, entity, options)

/** A generator that gives the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe('a sequential sample', () => {
  it('stops as soon as it knows', async () => {
    const made = await world(40_000)
    const clean = await sample(made, { size: 40_000, plan: 'sequential', random: seeded(1) })
    // The first thousand at which 32,715 are passed.
    expect(clean).toMatchObject({ compared: 33_000, mismatched: 0, verdict: 'accepted' })
  })

  it('rejects what is clearly wrong after a few keys, and leaves open what so few cannot tell', async () => {
    const made = await world(5_000)
    expect(await sample(made, { plan: 'sequential' })).toMatchObject({ compared: 5_000, verdict: 'open' })
    await tamper(made, () => made.users.remove(Array.from({ length: 500 }, (_, at) => at * 10 + 1)))
    const wrong = await sample(made, { plan: 'sequential', random: seeded(2) })
    expect(wrong).toMatchObject({ compared: 1_000, verdict: 'rejected' })
  })
})

describe('sample', () => {
  it('compares everything where there is no more than was asked for', async () => {
    const made = await world(100)
    const compared: unknown[] = []
    made.migration.events.on('compared', (event) => compared.push(event))
    const result = await sample(made)
    expect(result).toEqual({
      entity: 'users',
      compared: 100,
      mismatched: 0,
      undecided: 0,
      parity: 1,
      lowerBound95: 1,
      verdict: undefined,
      population: 100,
      findings: [],
    })
    expect(compared).toEqual([{ type: 'compared', entity: 'users', compared: 100, mismatched: 0, parity: 1 }])
  })

  it.each(['scan', 'probe'] as const)('proves by its bound what so many keys can prove, drawn by %s', async (draw) => {
    const made = await world(500)
    const result = await sample(made, { size: 59, draw })
    expect(result).toMatchObject({ compared: 59, mismatched: 0, parity: 1 })
    // 59 clean comparisons are the textbook's figure for 95 % at 95 %; knowing the population makes them worth more.
    expect(result.lowerBound95).toBeGreaterThanOrEqual(0.95)
    expect(result.lowerBound95).toBeLessThan(draw === 'scan' ? 0.96 : 0.951)
  })

  it.each(['scan', 'probe'] as const)('sees rows that only one side has, drawn by %s', async (draw) => {
    const made = await world(100)
    await tamper(made, async () => {
      await made.users.save(Array.from({ length: 50 }, (_, at) => toUser(member(101 + at))))
      await made.users.remove(Array.from({ length: 10 }, (_, at) => at + 1))
    })
    const result = await sample(made, { size: 150, draw, random: seeded(1) })
    expect(result).toMatchObject({ compared: 150, mismatched: 60, parity: 0.6 })
    expect(new Set(result.findings.map(({ reason }) => reason))).toEqual(new Set(['extra', 'missing']))
  })

  it('watches what differs before it counts it', async () => {
    const made = await world(20)
    await made.members.save([{ id: 3, mail: 'new' }])
    expect(await sample(made)).toMatchObject({ mismatched: 0, undecided: 1, parity: 1, lowerBound95: 0.95 })
    made.onSleep = () => drain(made)
    expect(await sample(made)).toMatchObject({ mismatched: 0, undecided: 0, lowerBound95: 1 })
  })

  it('changes nothing and stores no finding', async () => {
    const made = await world(20)
    await tamper(made, () => made.users.remove([3]))
    expect(await sample(made, { reveal: 'keys' })).toMatchObject({
      mismatched: 1,
      findings: [{ key: 3, marked: false }],
    })
    expect(await made.migration.store.findings()).toEqual([])
  })

  it('draws by scan where look-ups would mostly miss', async () => {
    const made = await world(5)
    await tamper(made, async () => {
      await made.members.save([member(2_000_000_000)])
      await made.users.save([toUser(member(2_000_000_000))])
    })
    await expect(sample(made, { size: 3, draw: 'probe' })).rejects.toThrow('draw')
    expect(await sample(made, { size: 3 })).toMatchObject({ compared: 3 })
  })

  it('ends with the reason of its signal', async () => {
    const made = await world(5)
    await expect(sample(made, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })

  it.each([
    ['size', { size: 0 }],
    ['draw', { draw: 'guess' as 'scan' }],
  ])('refuses %s that cannot be meant', async (option, options) => {
    await expect(sample(await world(0), options)).rejects.toThrow(option)
  })
})

describe('every key', () => {
  it.each(['scan', 'probe'] as const)('is drawn as often as any other, by %s', async (draw) => {
    const keys = 200
    const rounds = 300
    const size = 20
    // The target lacks a part and has more beyond the end; the keys have gaps.
    const made = await world(0, { toTarget: () => null })
    const ids = Array.from({ length: keys }, (_, at) => 3 * at + 1)
    await tamper(made, async () => {
      await made.members.save(ids.filter((id) => id % 2 === 0 || id < 300).map(member))
      await made.users.save(ids.filter((id) => id % 2 === 1 || id > 300).map((id) => toUser(member(id))))
    })
    const seen = new Map<Key, number>()
    const random = seeded(7)
    for (let round = 0; round < rounds; round++) {
      for (const key of await drawn(made, size, draw, random)) seen.set(key, (seen.get(key) ?? 0) + 1)
    }
    const expected = (rounds * size) / keys
    const chiSquare = ids.reduce((sum, id) => sum + ((seen.get(String(id)) ?? 0) - expected) ** 2 / expected, 0)
    // 199 degrees of freedom: 279 is exceeded once in 10,000 runs, and these are seeded.
    expect(chiSquare).toBeLessThan(279)
  })
})

async function drawn(
  { migration, entity }: World,
  size: number,
  draw: 'scan' | 'probe',
  random: () => number,
): Promise<readonly string[]> {
  const comparison = begin(migration, entity, compareSettings({}))
  const result = await (draw === 'scan' ? drawByScan : drawByProbe)(comparison, size, random)
  return result?.keys.map(String) ?? []
}
