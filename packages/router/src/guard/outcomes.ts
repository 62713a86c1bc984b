import type { EventOf, ShadowOutcome, SideName } from '@twinspan/core'
import { murmur3 } from '../murmur3.ts'
import type { BadAt, BadUnit } from './bad-unit.ts'
import { type GuardDeltas, QUANTILES, type Quantile } from './deltas.ts'
import { createOncePer, type OncePer } from './once-per.ts'
import { createRecentQuantiles } from './recent-quantiles.ts'

export interface LatencyAllowance {
  /** How many times legacy's quantile target may take. @default 1.5 */
  readonly tolerance: number
  /** How much longer than legacy's quantile target may take, if that is more. @default 50 */
  readonly slackMs: number
}

export interface OutcomesOptions {
  /** `false`: durations are not judged. */
  readonly latency: LatencyAllowance | false
  /** A unit's bad outcomes count once in this time, for each signal and side. */
  readonly oncePerMs: number
  /** Makes the hashes of bad units this migration's own. @default 0 */
  readonly seed?: number
}

/** Turns what happens in this process into the counts that a guard judges. */
export interface Outcomes {
  read(now: number, event: EventOf<'read-outcome'>): void
  shadow(now: number, event: EventOf<'shadow-read'>): void
  /** What has come since it was last taken. */
  take(): GuardDeltas
  /** The units behind what was bad since this was last asked. Not all of them where they are very many. */
  takeBad(): readonly BadUnit[]
}

/** What a shadow read says of target: nothing, that it failed or answered, and what the answer was worth. */
const WITNESSES: Readonly<Record<ShadowOutcome, 'failed' | 'answered' | 'equal' | 'different' | undefined>> = {
  match: 'equal',
  ignored: 'equal',
  mismatch: 'different',
  error: 'failed',
  timeout: 'failed',
  lagged: 'answered',
  // Not target's fault: legacy could not say the same thing twice, or at all, or the application could not compare.
  noise: 'answered',
  undecided: 'answered',
  'comparison-error': 'answered',
  shed: undefined,
}

const WINDOW_MS = 60_000
/** More units than this that are all unwell within a second are no retry storm. */
const MAX_BAD = 200

export function createOutcomes({ latency, oncePerMs, seed = 0 }: OutcomesOptions): Outcomes {
  const quantiles = createRecentQuantiles(WINDOW_MS)
  const onces = new Map<BadAt, OncePer>()
  let sums = nothing()
  let bad: BadUnit[] = []

  function admit(now: number, at: BadAt, unit: string | undefined): boolean {
    const once = onces.get(at) ?? createOncePer(oncePerMs)
    onces.set(at, once)
    if (!once.admit(now, unit)) return false
    if (unit !== undefined && bad.length < MAX_BAD) bad.push({ at, hash: murmur3(unit, seed) })
    return true
  }

  function count(
    now: number,
    side: SideName,
    signal: Sum,
    name: 'errors' | Quantile,
    isBad: boolean,
    unit: string | undefined,
  ): void {
    if (isBad) {
      // What does not count as bad does not count as good either.
      if (!admit(now, `${name}.${side}`, unit)) return
      signal[side].bad++
    }
    signal[side].total++
  }

  return {
    read(now, { side, ok, durationMs, unit }) {
      count(now, side, sums.errors, 'errors', !ok, unit)
      if (latency === false || !ok) return
      if (side === 'legacy') quantiles.record(now, durationMs)
      const { thresholds } = quantiles
      if (thresholds === undefined) return
      for (const quantile of QUANTILES) {
        const usual = thresholds[quantile]
        const limit = side === 'legacy' ? usual : Math.max(usual * latency.tolerance, usual + latency.slackMs)
        count(now, side, sums.latency[quantile], quantile, durationMs > limit, unit)
      }
    },

    shadow(now, { entity, operation, outcome, unit }) {
      const witness = WITNESSES[outcome]
      if (witness === undefined) return
      // A read of target that nobody waited for is as good a witness of its health as one that somebody did.
      count(now, 'target', sums.errors, 'errors', witness === 'failed', unit)
      if (witness === 'failed' || witness === 'answered') return
      const { integrity } = sums
      if (witness === 'different') {
        if (!admit(now, 'integrity', unit)) return
        const name = `${entity}.${operation}`
        integrity.mismatched++
        integrity.classes[name] = (integrity.classes[name] ?? 0) + 1
      }
      integrity.compared++
    },

    takeBad() {
      const taken = bad
      bad = []
      return taken
    },

    take() {
      const taken = sums
      sums = nothing()
      return taken
    },
  }
}

type Sum = Record<SideName, { total: number; bad: number }>

function sum(): Sum {
  return { legacy: { total: 0, bad: 0 }, target: { total: 0, bad: 0 } }
}

function nothing(): {
  errors: Sum
  latency: Record<Quantile, Sum>
  integrity: { compared: number; mismatched: number; classes: Record<string, number> }
} {
  return {
    errors: sum(),
    latency: { p90: sum(), p95: sum(), p99: sum() },
    integrity: { compared: 0, mismatched: 0, classes: {} },
  }
}
