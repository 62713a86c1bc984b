import { type Comparison, NONE, plusBoth } from './counts.ts'

/** The quantiles of legacy's recent durations that target's are held against. */
export const QUANTILES = ['p90', 'p95', 'p99'] as const

export type Quantile = (typeof QUANTILES)[number]

export interface IntegrityCounts {
  readonly compared: number
  readonly mismatched: number
  /** How many of the mismatches were of which class. */
  readonly classes?: Readonly<Record<string, number>>
}

/** What happened since the last tick: plain sums, so that those of several processes can be added. */
export interface GuardDeltas {
  /** Bad: the read failed. */
  readonly errors?: Comparison
  /** Bad on legacy: slower than the quantile of its own recent past. Bad on target: slower than that with its allowance. */
  readonly latency?: Readonly<Record<Quantile, Comparison>>
  /** Bad: the sides gave different answers although the key was not dirty. */
  readonly integrity?: IntegrityCounts
}

const NEITHER: Comparison = { legacy: NONE, target: NONE }

export const NO_DELTAS: Required<GuardDeltas> = {
  errors: NEITHER,
  latency: { p90: NEITHER, p95: NEITHER, p99: NEITHER },
  integrity: { compared: 0, mismatched: 0, classes: {} },
}

/** The sum of two stretches, or of the same stretch in two processes. */
export function addDeltas(a: Required<GuardDeltas>, b: GuardDeltas): Required<GuardDeltas> {
  return {
    errors: b.errors === undefined ? a.errors : plusBoth(a.errors, b.errors),
    latency:
      b.latency === undefined
        ? a.latency
        : {
            p90: plusBoth(a.latency.p90, b.latency.p90),
            p95: plusBoth(a.latency.p95, b.latency.p95),
            p99: plusBoth(a.latency.p99, b.latency.p99),
          },
    integrity: b.integrity === undefined ? a.integrity : addIntegrity(a.integrity, b.integrity),
  }
}

function addIntegrity(a: IntegrityCounts, b: IntegrityCounts): IntegrityCounts {
  const classes: Record<string, number> = { ...a.classes }
  for (const [name, count] of Object.entries(b.classes ?? {})) classes[name] = (classes[name] ?? 0) + count
  return { compared: a.compared + b.compared, mismatched: a.mismatched + b.mismatched, classes }
}
