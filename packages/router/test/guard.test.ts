import { InvalidOptionError } from '@twinspan/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Counts, createGuard, type GuardDeltas, type GuardOptions, type GuardTick } from '../src/index.ts'

const SECOND = 1_000

function errors(legacy: readonly [number, number], target: readonly [number, number]): GuardDeltas {
  return { errors: { legacy: counts(legacy), target: counts(target) } }
}

function counts([total, bad]: readonly [number, number]): Counts {
  return { total, bad }
}

/** The ticks of a guard that sees the same every second. */
function watch(seconds: number, deltas: GuardDeltas, options?: GuardOptions): GuardTick[] {
  const guard = createGuard(options)
  return Array.from({ length: seconds }, (_, second) => guard.tick((second + 1) * SECOND, deltas))
}

describe('a guard', () => {
  it('says ok while neither side fails', () => {
    const last = watch(600, errors([90, 0], [10, 0])).at(-1)
    expect(last).toMatchObject({ verdict: 'ok', evidence: { why: 'healthy' } })
  })

  it('kills within four seconds when target fails three reads of ten and legacy none', () => {
    const ticks = watch(5, errors([30, 0], [10, 3]))
    expect(ticks.findIndex((tick) => tick.verdict === 'kill')).toBeLessThanOrEqual(3)
    expect(ticks.at(-1)?.evidence).toMatchObject({ signal: 'errors', why: 'worse', legacyBad: 0 })
  })

  it('tells what it counted, in plain JSON', () => {
    const { evidence } = watch(10, errors([30, 0], [10, 3])).at(-1)!
    expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence)
    expect(evidence.targetBad / evidence.targetTotal).toBeCloseTo(0.3)
    expect(evidence.strength).toBeGreaterThanOrEqual(evidence.needed)
  })

  it('kills nothing in an outage that both sides share', () => {
    const guard = createGuard()
    for (let second = 1; second <= 3_600; second++) {
      const isDown = second > 600 && second < 1_200
      const { verdict } = guard.tick(second * SECOND, isDown ? errors([990, 990], [10, 10]) : errors([990, 1], [10, 0]))
      expect(verdict).not.toBe('kill')
    }
  })

  it('does not mind errors below the floor, although legacy has none', () => {
    // One in 20,000 reads for six hours.
    const guard = createGuard()
    for (let second = 1; second <= 21_600; second++) {
      const bad = second % 2_000 === 0 ? 1 : 0
      expect(guard.tick(second * SECOND, errors([90, 0], [10, bad])).verdict).not.toBe('kill')
    }
  })

  it('takes a day of good history for no credit', () => {
    const delayAfter = (quiet: number): number => {
      const guard = createGuard()
      for (let second = 1; second <= quiet; second++) {
        guard.tick(second * SECOND, errors([990, second % 2], [10, 0]))
      }
      for (let second = 1; ; second++) {
        if (guard.tick((quiet + second) * SECOND, errors([990, 1], [10, 1])).verdict === 'kill') return second
      }
    }
    expect(delayAfter(86_400)).toBe(delayAfter(600))
  })

  it('judges target by itself when legacy reads nothing any more', () => {
    const guard = createGuard()
    for (let second = 1; second <= 60; second++) guard.tick(second * SECOND, errors([90, 0], [10, 0]))
    let second = 61
    for (; second <= 200; second++)
      expect(guard.tick(second * SECOND, errors([0, 0], [100, 0])).verdict).not.toBe('kill')
    expect(guard.tick(second * SECOND, errors([0, 0], [100, 0])).evidence.why).toBe('no-legacy-outcomes')
    const ticks = [1, 2, 3].map((more) => guard.tick((second + more) * SECOND, errors([0, 0], [100, 30])))
    expect(ticks.at(-1)?.verdict).toBe('kill')
  })

  it('does not expect more of target alone than legacy could do', () => {
    const guard = createGuard()
    for (let second = 1; second <= 600; second++) guard.tick(second * SECOND, errors([90, 4], [10, 0]))
    for (let second = 601; second <= 4_200; second++) {
      expect(guard.tick(second * SECOND, errors([0, 0], [100, 5])).verdict).not.toBe('kill')
    }
  })

  it('kills when target is slow more often than legacy, at any of the quantiles', () => {
    for (const slow of ['p90', 'p95', 'p99'] as const) {
      const calm = { legacy: { total: 90, bad: 2 }, target: { total: 10, bad: 0 } }
      const latency = { p90: calm, p95: calm, p99: calm, [slow]: { ...calm, target: { total: 10, bad: 5 } } }
      const ticks = watch(20, { ...errors([90, 0], [10, 0]), latency })
      expect(ticks.at(-1)).toMatchObject({ verdict: 'kill', evidence: { signal: 'latency' } })
    }
  })

  it('kills when more reads differ than the budget allows', () => {
    const guard = createGuard()
    for (let second = 1; second <= 600; second++) {
      expect(
        guard.tick(second * SECOND, { integrity: { compared: 100, mismatched: second % 100 === 0 ? 1 : 0 } }).verdict,
      ).not.toBe('kill')
    }
    const ticks = [601, 602, 603].map((second) =>
      guard.tick(second * SECOND, { integrity: { compared: 100, mismatched: 3 } }),
    )
    expect(ticks.at(-1)).toMatchObject({ verdict: 'kill', evidence: { signal: 'integrity' } })
  })

  it('kills at a single mismatch of a class that has no budget, at once', () => {
    const guard = createGuard({ zeroTolerance: ['accounts.balance'] })
    guard.tick(1_000, { integrity: { compared: 1, mismatched: 1, classes: { 'accounts.name': 1 } } })
    const tick = guard.tick(1_001, { integrity: { compared: 1, mismatched: 1, classes: { 'accounts.balance': 1 } } })
    expect(tick).toMatchObject({ verdict: 'kill', evidence: { signal: 'integrity', strength: 999 } })
  })

  it.each([
    ['no-target-outcomes', errors([90, 0], [0, 0])],
    ['no-legacy-outcomes', errors([0, 0], [10, 0])],
    ['no-target-outcomes', {}],
  ])('holds with %s', (why, deltas) => {
    expect(watch(60, deltas).at(-1)).toMatchObject({ verdict: 'hold', evidence: { why } })
  })

  it('holds while it settles, and what it saw then does not count afterwards', () => {
    const guard = createGuard()
    guard.step(0)
    for (let second = 1; second < 60; second++) {
      // Half a per cent: bad, and not more than cold caches may be blamed for.
      const tick = guard.tick(second * SECOND, errors([990, 0], [200, 1]))
      expect(tick).toMatchObject({ verdict: 'hold', evidence: { why: 'settling' } })
    }
    expect(guard.tick(60 * SECOND, errors([990, 0], [200, 0]))).toMatchObject({ verdict: 'ok' })
    expect(guard.tick(61 * SECOND, errors([990, 0], [200, 1])).verdict).not.toBe('kill')
  })

  it('does not wait for the end of settling when target fails grossly', () => {
    const guard = createGuard()
    guard.step(0)
    const ticks = [1, 2, 3, 4].map((second) => guard.tick(second * SECOND, errors([30, 0], [10, 4])))
    expect(ticks.at(-1)?.verdict).toBe('kill')
  })

  it('goes on saying kill until it is reset', () => {
    const guard = createGuard()
    for (let second = 1; second <= 5; second++) guard.tick(second * SECOND, errors([30, 0], [10, 9]))
    for (let second = 6; second <= 100; second++) {
      expect(guard.tick(second * SECOND, errors([30, 0], [10, 0])).verdict).toBe('kill')
    }
    guard.reset()
    expect(guard.tick(101 * SECOND, errors([30, 0], [10, 0])).verdict).toBe('ok')
  })

  it('says the same to the same ticks', () => {
    const second = fc.tuple(fc.nat(50), fc.nat(50), fc.nat(3), fc.nat(3))
    fc.assert(
      fc.property(fc.array(second, { maxLength: 60 }), (seconds) => {
        const [one, other] = [createGuard(), createGuard()]
        seconds.forEach(([legacy, target, legacyBad, targetBad], index) => {
          const deltas = errors([legacy + legacyBad, legacyBad], [target + targetBad, targetBad])
          expect(one.tick(index * SECOND, deltas)).toEqual(other.tick(index * SECOND, deltas))
        })
      }),
      { numRuns: 50 },
    )
  })

  it('adds up what comes more often than once in a tick', () => {
    const often = createGuard()
    const seldom = createGuard()
    for (let second = 1; second <= 20; second++) {
      often.tick(second * SECOND - 600, errors([90, 0], [0, 0]))
      often.tick(second * SECOND - 300, {})
      often.tick(second * SECOND, errors([0, 0], [10, 1]))
      seldom.tick(second * SECOND, errors([90, 0], [10, 1]))
    }
    const { strength } = seldom.tick(21_000, {}).evidence
    expect(Math.abs(often.tick(21_000, {}).evidence.strength - strength)).toBeLessThan(1)
  })

  it.each([
    [{ averageRunLengthMs: 1 }, 'averageRunLengthMs'],
    [{ tickMs: 0 }, 'tickMs'],
    [{ settleMs: -1 }, 'settleMs'],
    [{ errorFloor: 2 }, 'errorFloor'],
    [{ errorCeiling: Number.NaN }, 'errorCeiling'],
    [{ integrityBudget: -1 }, 'integrityBudget'],
    [{ zeroTolerance: 'all' }, 'zeroTolerance'],
    [{ missingMs: 1 }, 'missingMs'],
  ])('refuses %j and names the option', (options, name) => {
    expect(() => createGuard(options as never)).toThrow(InvalidOptionError)
    expect(() => createGuard(options as never)).toThrow(new RegExp(`Option ${name} `))
  })
})
