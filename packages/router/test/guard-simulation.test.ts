import { describe, expect, it } from 'vitest'
import { planStep } from '../src/index.ts'
import { median, seeded, simulate, type Traffic } from './simulate.ts'

const SIX_HOURS = 6 * 3_600
const HEALTHY: Traffic = { legacyRps: 90, targetRps: 10, legacyErrors: 0.001, targetErrors: 0.001 }

/** Ten seconds to a tick: a tenth of the work, for the same run length in hours. */
function healthyKills(runs: number, averageRunLengthMs?: number): number {
  let kills = 0
  for (let seed = 0; seed < runs; seed++) {
    const traffic = { ...HEALTHY, legacyRps: HEALTHY.legacyRps * 10, targetRps: HEALTHY.targetRps * 10 }
    const { killedAt } = simulate(seeded(seed), SIX_HOURS / 10, () => traffic, {
      secondsPerTick: 10,
      ...(averageRunLengthMs === undefined ? {} : { averageRunLengthMs }),
    })
    if (killedAt !== undefined) kills++
  }
  return kills
}

describe('a healthy canary', () => {
  it('is killed in at most one of a hundred six-hour runs', { timeout: 60_000 }, () => {
    expect(healthyKills(500)).toBeLessThanOrEqual(5)
  })

  it('would be killed in many more by a guard that allowed a false alarm every ten minutes', () => {
    expect(healthyKills(40, 600_000)).toBeGreaterThan(10)
  })

  it('survives an hour in which both sides are forty times as bad', () => {
    for (let seed = 0; seed < 20; seed++) {
      const isBad = (second: number): boolean => second > 1_800 && second < 5_400
      const { killedAt } = simulate(seeded(seed), 7_200, (second) =>
        isBad(second) ? { ...HEALTHY, legacyErrors: 0.04, targetErrors: 0.04 } : HEALTHY,
      )
      expect(killedAt).toBeUndefined()
    }
  })
})

describe('a canary whose target begins to fail', () => {
  const delays = (targetErrors: number, traffic: Partial<Traffic>): number[] =>
    Array.from({ length: 51 }, (_, seed) => {
      const base = { ...HEALTHY, ...traffic }
      const { killedAt } = simulate(seeded(seed + 1_000), 3_600, (second) =>
        second > 600 ? { ...base, targetErrors } : base,
      )
      return (killedAt ?? Number.POSITIVE_INFINITY) - 600
    })

  // At ten reads per second on target, one per cent of the traffic.
  it.each([
    [1, 3],
    [0.2, 10],
    [0.05, 30],
    [0.01, 300],
  ])('at a rate of %d is killed within %d seconds, in the median', (rate, seconds) => {
    expect(median(delays(rate, { legacyRps: 990 }))).toBeLessThanOrEqual(seconds)
  })

  // Per second: legacy's reads, target's reads, and the seconds in which every run has ended.
  it.each([
    [27, 3, 20],
    [15, 15, 10],
    [270, 30, 5],
  ])('at a rate of 0.3 is killed in every run: %d : %d reads per second, %d s', (legacyRps, targetRps, seconds) => {
    expect(Math.max(...delays(0.3, { legacyRps, targetRps }))).toBeLessThanOrEqual(seconds)
  })
})

describe('planStep', () => {
  it.each([5, 10, 50])('foresees how long a target that is %d times as bad stays alive', (ratio) => {
    const runs = Array.from({ length: 31 }, (_, seed) => {
      const { killedAt } = simulate(seeded(seed), 7_200, () => ({ ...HEALTHY, targetErrors: 0.001 * ratio }))
      return killedAt ?? Number.POSITIVE_INFINITY
    })
    const { durationMs } = planStep({ rps: 10, baseRate: 0.001, ratio, percent: 10 })
    expect(durationMs / 1_000 / median(runs)).toBeGreaterThan(0.5)
    expect(durationMs / 1_000 / median(runs)).toBeLessThan(2)
  })

  it('says it in a sentence', () => {
    expect(planStep({ rps: 10, baseRate: 0.001, ratio: 10 }).text).toMatch(
      /^A target that is 10 times as bad shows within about \d+ min \(\d+ reads on target\)\.$/,
    )
  })

  it('admits that no step shows what is no regression', () => {
    expect(planStep({ rps: 10, baseRate: 0.001, ratio: 1 })).toMatchObject({
      durationMs: Number.POSITIVE_INFINITY,
      text: 'A target that is 1 times as bad would never show.',
    })
  })

  it.each([{ rps: 0 }, { baseRate: 2 }, { ratio: 0.5 }, { ratio: 2_000 }, { percent: 101 }])(
    'refuses %j',
    (options) => {
      expect(() => planStep({ rps: 10, baseRate: 0.001, ratio: 2, ...options })).toThrow(/^Option/)
    },
  )
})
