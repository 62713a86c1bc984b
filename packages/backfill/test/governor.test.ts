import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBaseline } from '../src/throttle/baseline.ts'
import { createGovernor, GOVERNED, type GovernedInput, type Reading } from '../src/throttle/governor.ts'
import { createRecent } from '../src/throttle/recent.ts'

const over = (input: GovernedInput): Reading => ({ input, value: 11, limit: 10 })
const good = (input: GovernedInput): Reading => ({ input, value: 10, limit: 10 })

describe('the pace', () => {
  it.each(GOVERNED.filter((input) => input !== 'event-loop'))('is halved by %s alone, and named after it', (input) => {
    const governor = createGovernor()
    expect(governor.judge(GOVERNED.map((each) => (each === input ? over(each) : good(each))))).toBe(input)
    expect(governor).toMatchObject({ pace: 0.5, size: 1, cause: input })
  })

  it('comes back by a tenth a chunk, and has a cause until then', () => {
    const governor = createGovernor()
    governor.judge([over('replica-lag')])
    const seen = Array.from({ length: 6 }, () => {
      governor.judge([good('replica-lag')])
      return [Math.round(governor.pace * 100), governor.cause]
    })
    expect(seen.map(([pace]) => pace)).toEqual([60, 70, 80, 90, 100, 100])
    expect(seen[3]?.[1]).toBe('replica-lag')
    expect(seen.at(-1)?.[1]).toBeNull()
  })

  it('leaves the size of chunks to the event loop, which leaves the pace alone', () => {
    const governor = createGovernor()
    governor.judge([over('event-loop')])
    expect(governor).toMatchObject({ pace: 1, size: 0.5, cause: 'event-loop' })
  })

  it('is not moved by what nobody knows', () => {
    const governor = createGovernor()
    governor.judge([
      { input: 'legacy-latency', value: 99, limit: null },
      { input: 'pool-wait', value: null, limit: 1 },
    ])
    expect(governor).toMatchObject({ pace: 1, cause: null })
  })

  it('never stands still and never exceeds its full speed, and is back after enough good chunks', () => {
    const verdict = fc.constantFrom<'over' | 'good' | 'lost'>('over', 'good', 'lost')
    fc.assert(
      fc.property(fc.array(fc.tuple(verdict, fc.constantFrom(...GOVERNED)), { maxLength: 200 }), (verdicts) => {
        const governor = createGovernor()
        for (const [what, input] of verdicts) {
          const before = governor.pace
          if (what === 'lost') governor.lost(input)
          else governor.judge([what === 'over' ? over(input) : good(input)])
          expect(governor.pace).toBeGreaterThanOrEqual(1 / 16)
          expect(governor.pace).toBeLessThanOrEqual(1)
          expect(governor.size).toBeGreaterThanOrEqual(1 / 16)
          if (what === 'over' && input !== 'event-loop') {
            expect(governor.pace).toBe(Math.max(1 / 16, before / 2))
          }
        }
        for (let chunk = 0; chunk < 10; chunk++) governor.judge(GOVERNED.map(good))
        expect(governor).toMatchObject({ pace: 1, size: 1, cause: null })
      }),
    )
  })
})

describe('the 95th percentile of the last readings', () => {
  it('is never the worst one alone', () => {
    const recent = createRecent(() => 0)
    recent.add(1)
    expect(recent.p95()).toBeNull()
    recent.add(500)
    expect(recent.p95()).toBe(1)
    recent.add(400)
    expect(recent.p95()).toBe(400)
  })

  it('forgets what is older than twenty readings or ten seconds', () => {
    let now = 0
    const recent = createRecent(() => now)
    for (const value of [90, 80, ...Array.from({ length: 20 }, (_, at) => at)]) recent.add(value)
    expect(recent.p95()).toBe(18)
    now = 10_001
    recent.add(3)
    recent.add(4)
    expect(recent.p95()).toBe(3)
  })
})

describe('the baseline', () => {
  it('needs a few reads', () => {
    const baseline = createBaseline(() => 0)
    for (const ms of [40, 1, 1]) baseline.add(ms)
    expect(baseline.ms).toBeNull()
    baseline.add(2)
    expect(baseline.ms).toBe(2)
  })

  it('is learned freely from the first reads', () => {
    const baseline = createBaseline(() => 0)
    for (let read = 0; read < 5; read++) baseline.add(1)
    for (let read = 0; read < 5; read++) baseline.add(30)
    expect(baseline.ms).toBe(30)
  })

  it('follows a slower legacy at most twice as high a minute, and a faster one as soon as its reads are the last', () => {
    let now = 0
    const baseline = createBaseline(() => now)
    const feed = (ms: number): void => {
      for (let read = 0; read < 200; read++) baseline.add(ms)
    }
    feed(8)
    expect(baseline.ms).toBe(8)
    feed(100)
    expect(baseline.ms).toBe(8)
    now += 60_000
    feed(100)
    expect(baseline.ms).toBe(16)
    for (let minute = 0; minute < 10; minute++) {
      now += 60_000
      feed(100)
    }
    expect(baseline.ms).toBe(100)
    now += 1
    feed(5)
    expect(baseline.ms).toBe(5)
  })
})
