import type { Finding } from './signal.ts'

export type Verdict = 'ok' | 'hold' | 'kill'

/** What a verdict rests on. Counts and rates, never keys or values. */
export type GuardEvidence = {
  /** The signal that speaks loudest, or why nothing can be said. */
  readonly signal: 'errors' | 'latency' | 'integrity'
  readonly why:
    | 'healthy'
    | 'suspicious'
    | 'worse'
    | 'intolerable'
    | 'settling'
    | 'no-target-outcomes'
    | 'no-legacy-outcomes'
  /** Decimal logarithm of the evidence against target, and what kills. */
  readonly strength: number
  readonly needed: number
  /** How many times as bad as it may be target seems to be. */
  readonly ratio: number
  readonly legacyTotal: number
  readonly legacyBad: number
  readonly targetTotal: number
  readonly targetBad: number
  /** The stretch that these counts come from. */
  readonly durationMs: number
}

export interface GuardTick {
  readonly verdict: Verdict
  readonly evidence: GuardEvidence
}

export function evidenceOf(
  now: number,
  { signal, log, from }: Finding,
  why: GuardEvidence['why'],
  needed: number,
): GuardEvidence {
  const strongest = from.strongest()
  return {
    signal,
    why,
    // A single intolerable mismatch is infinitely strong, which JSON cannot say.
    strength: Math.min(log / Math.LN10, 999),
    needed: needed / Math.LN10,
    ratio: strongest.ratio,
    legacyTotal: strongest.legacy.total,
    legacyBad: strongest.legacy.bad,
    targetTotal: strongest.target.total,
    targetBad: strongest.target.bad,
    durationMs: Math.max(0, now - strongest.since),
  }
}
