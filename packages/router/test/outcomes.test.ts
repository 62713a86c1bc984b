import type { EventOf, SideName } from '@twinspan/core'
import { describe, expect, it } from 'vitest'
import { createOncePer } from '../src/guard/once-per.ts'
import { createOutcomes } from '../src/guard/outcomes.ts'
import { createRecentQuantiles } from '../src/guard/recent-quantiles.ts'

const latency = { tolerance: 1.5, slackMs: 50 }

function read(side: SideName, ok: boolean, unit?: string, durationMs = 1): EventOf<'read-outcome'> {
  return {
    type: 'read-outcome',
    entity: 'users',
    operation: 'find',
    side,
    ok,
    durationMs,
    ...(unit === undefined ? {} : { unit }),
  }
}

function shadow(outcome: EventOf<'shadow-read'>['outcome'], unit?: string): EventOf<'shadow-read'> {
  return { type: 'shadow-read', entity: 'users', operation: 'find', outcome, ...(unit === undefined ? {} : { unit }) }
}

describe('outcomes', () => {
  it('counts reads by side and forgets what was taken', () => {
    const outcomes = createOutcomes({ latency, oncePerMs: 300_000 })
    outcomes.read(0, read('legacy', true, 'a'))
    outcomes.read(0, read('target', true, 'b'))
    outcomes.read(0, read('target', false, 'c'))
    expect(outcomes.take().errors).toEqual({ legacy: { total: 1, bad: 0 }, target: { total: 2, bad: 1 } })
    expect(outcomes.take().errors).toEqual({ legacy: { total: 0, bad: 0 }, target: { total: 0, bad: 0 } })
  })

  it('counts a unit that fails again and again once in five minutes, on each side', () => {
    const outcomes = createOutcomes({ latency, oncePerMs: 300_000 })
    for (let second = 0; second < 300; second++) {
      outcomes.read(second * 1_000, read('target', false, 'retrying'))
      outcomes.read(second * 1_000, read('legacy', false, 'retrying'))
    }
    outcomes.read(300_000, read('target', false, 'retrying'))
    expect(outcomes.take().errors).toEqual({ legacy: { total: 1, bad: 1 }, target: { total: 2, bad: 2 } })
  })

  it('counts every failure of reads that name no unit', () => {
    const outcomes = createOutcomes({ latency, oncePerMs: 300_000 })
    for (let n = 0; n < 3; n++) outcomes.read(0, read('target', false))
    expect(outcomes.take().errors?.target.bad).toBe(3)
  })

  it('judges durations once legacy has shown what is usual, and leaves target its allowance', () => {
    const outcomes = createOutcomes({ latency, oncePerMs: 0 })
    outcomes.read(0, read('target', true, 'u', 1_000))
    expect(outcomes.take().latency?.p99.target.total).toBe(0)
    for (let n = 1; n <= 200; n++) outcomes.read(0, read('legacy', true, `${n}`, n))
    outcomes.take()

    // p90 is 180 ms, p95 190, p99 198; one and a half times as much is 270, 285, 297.
    for (const durationMs of [170, 185, 195, 260, 275, 290, 300]) {
      outcomes.read(1, read('legacy', true, `l${durationMs}`, durationMs))
      outcomes.read(1, read('target', true, `t${durationMs}`, durationMs))
    }
    expect(outcomes.take().latency).toEqual({
      p90: { legacy: { total: 7, bad: 6 }, target: { total: 7, bad: 3 } },
      p95: { legacy: { total: 7, bad: 5 }, target: { total: 7, bad: 2 } },
      p99: { legacy: { total: 7, bad: 4 }, target: { total: 7, bad: 1 } },
    })
  })

  it('does not hold milliseconds against target where legacy takes microseconds', () => {
    const outcomes = createOutcomes({ latency, oncePerMs: 0 })
    for (let n = 0; n < 300; n++) outcomes.read(0, read('legacy', true, `${n}`, 0.02))
    outcomes.read(0, read('target', true, 'a', 20))
    outcomes.read(0, read('target', true, 'b', 60))
    expect(outcomes.take().latency?.p99.target).toEqual({ total: 2, bad: 1 })
  })

  it('does not judge durations when told so', () => {
    const outcomes = createOutcomes({ latency: false, oncePerMs: 0 })
    for (let n = 0; n < 300; n++) outcomes.read(0, read('legacy', true, `${n}`, 1))
    expect(outcomes.take().latency?.p90.legacy.total).toBe(0)
  })

  it('takes a shadow read for a witness of integrity and of health', () => {
    const outcomes = createOutcomes({ latency, oncePerMs: 300_000 })
    for (const outcome of ['match', 'match', 'mismatch', 'lagged', 'error', 'timeout', 'shed'] as const) {
      outcomes.shadow(0, shadow(outcome))
    }
    const { errors, integrity } = outcomes.take()
    expect(integrity).toEqual({ compared: 3, mismatched: 1, classes: { 'users.find': 1 } })
    expect(errors?.target).toEqual({ total: 6, bad: 2 })
  })

  it('blames target for nothing that legacy or the application did', () => {
    const outcomes = createOutcomes({ latency, oncePerMs: 300_000 })
    for (const outcome of ['noise', 'undecided', 'comparison-error', 'ignored'] as const) {
      outcomes.shadow(0, shadow(outcome))
    }
    const { errors, integrity } = outcomes.take()
    expect(integrity).toMatchObject({ compared: 1, mismatched: 0 })
    expect(errors?.target).toEqual({ total: 4, bad: 0 })
  })

  it('counts a unit whose reads always differ once in five minutes', () => {
    const outcomes = createOutcomes({ latency, oncePerMs: 300_000 })
    for (let n = 0; n < 100; n++) outcomes.shadow(n, shadow('mismatch', 'one'))
    expect(outcomes.take().integrity).toMatchObject({ compared: 1, mismatched: 1 })
  })
})

describe('createOncePer', () => {
  it('holds no more units than it may, and drops the oldest first', () => {
    const once = createOncePer(300_000)
    for (let n = 0; n < 100_001; n++) expect(once.admit(n, `${n}`)).toBe(true)
    expect(once.admit(100_001, '100000')).toBe(false)
    expect(once.admit(100_001, '0')).toBe(true)
  })
})

describe('createRecentQuantiles', () => {
  it('knows nothing before there is enough to go by', () => {
    const quantiles = createRecentQuantiles(60_000)
    for (let n = 0; n < 199; n++) quantiles.record(n, 1)
    expect(quantiles.thresholds).toBeUndefined()
    quantiles.record(199, 1)
    expect(quantiles.thresholds?.p99).toBeCloseTo(1, 1)
  })

  it('follows legacy one window behind', () => {
    const quantiles = createRecentQuantiles(60_000)
    for (let n = 0; n < 200; n++) quantiles.record(0, 1)
    for (let n = 0; n < 500; n++) quantiles.record(n * 100, 40)
    expect(quantiles.thresholds?.p90).toBeCloseTo(1, 1)
    quantiles.record(60_001, 40)
    expect(quantiles.thresholds?.p90).toBeCloseTo(40, 0)
  })
})
