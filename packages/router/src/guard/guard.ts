import { numberOption } from '@twinspan/core'
import { textsOption } from '../router-options.ts'
import { type Comparison, NONE } from './counts.ts'
import { addDeltas, type GuardDeltas, NO_DELTAS } from './deltas.ts'
import { createErrorSignal } from './errors.ts'
import { createIntegritySignal } from './integrity.ts'
import { createLatencySignal } from './latency.ts'
import type { Finding } from './signal.ts'
import { evidenceOf, type GuardEvidence, type GuardTick } from './verdict.ts'

export interface GuardOptions {
  /**
   * How long a healthy canary runs, on average, until one signal kills it by chance.
   *
   * @default 30 days
   */
  readonly averageRunLengthMs?: number
  /** The stretch that counts as one observation. Deltas that come more often are added up. @default 1_000 */
  readonly tickMs?: number
  /**
   * How long after a step only gross failures count (more errors than `errorCeiling`, more mismatches than
   * `integrityBudget`): caches are cold and pools are small then.
   *
   * @default 60_000
   */
  readonly settleMs?: number
  /** An error rate of target that is never worth a kill, even if legacy never fails. @default 0.0001 */
  readonly errorFloor?: number
  /**
   * The error rate that target may have while there is nothing to compare with: just after a step, or when legacy reads
   * nothing any more. Three times the rate that legacy had last, if that is more.
   *
   * @default 0.01
   */
  readonly errorCeiling?: number
  /** The share of compared reads that may differ. @default 0.0001 */
  readonly integrityBudget?: number
  /** Classes of mismatches of which a single one kills. @default none */
  readonly zeroTolerance?: readonly string[]
  /** How long no outcomes of a side may come before the verdict is `'hold'`. @default 30_000 */
  readonly missingMs?: number
}

/** Judges a canary by counts alone: no clock, no randomness, no I/O. The same ticks lead to the same verdicts. */
export interface Guard {
  /**
   * Takes what happened since the last tick. `'kill'`: target is worse. `'hold'`: nobody can tell, so do not go on. `'ok'`:
   * there is data and nothing speaks against target. After a kill every tick says kill until `reset`.
   *
   * @param now Milliseconds of any clock that does not go back.
   */
  tick(now: number, deltas: GuardDeltas): GuardTick
  /** The percentage grew: forgets errors and durations of the step before and begins to settle. Mismatches stay counted. */
  step(now: number): void
  /** Forgets everything, a kill too. */
  reset(): void
}

const DAY_MS = 86_400_000

export function createGuard(options: GuardOptions = {}): Guard {
  const tickMs = numberOption('tickMs', options.tickMs, 1_000, { min: 1 })
  const runLengthMs = numberOption('averageRunLengthMs', options.averageRunLengthMs, 30 * DAY_MS, { min: tickMs })
  const settleMs = numberOption('settleMs', options.settleMs, 60_000, { min: 0 })
  const missingMs = numberOption('missingMs', options.missingMs, 30_000, { min: tickMs })
  // The detector's average run length is at least as many observations as its threshold says.
  const needed = Math.log(runLengthMs / tickMs)
  const errors = createErrorSignal({
    floor: numberOption('errorFloor', options.errorFloor, 1e-4, { min: 0, max: 1 }),
    ceiling: numberOption('errorCeiling', options.errorCeiling, 1e-2, { min: 0, max: 1 }),
    missingMs,
  })
  const latency = createLatencySignal()
  const integrity = createIntegritySignal({
    budget: numberOption('integrityBudget', options.integrityBudget, 1e-4, { min: 0, max: 1 }),
    zeroTolerance: textsOption('zeroTolerance', options.zeroTolerance),
  })

  let pending = NO_DELTAS
  let openedAt: number | undefined
  let settlesAt = Number.NEGATIVE_INFINITY
  let isSettling = false
  const seenAt = { legacy: Number.NEGATIVE_INFINITY, target: Number.NEGATIVE_INFINITY }
  let killed: GuardTick | undefined

  function see(now: number, { legacy = NONE, target = NONE }: Partial<Comparison>): void {
    if (legacy.total > 0) seenAt.legacy = now
    if (target.total > 0) seenAt.target = now
  }

  function why(now: number, strength: number): GuardEvidence['why'] {
    if (strength === Number.POSITIVE_INFINITY) return 'intolerable'
    if (strength >= needed) return 'worse'
    if (isSettling) return 'settling'
    if (now - seenAt.target > missingMs) return 'no-target-outcomes'
    if (now - seenAt.legacy > missingMs) return 'no-legacy-outcomes'
    return strength > needed / 2 ? 'suspicious' : 'healthy'
  }

  function judge(now: number): GuardTick {
    const findings: readonly Finding[] = [integrity.finding(), errors.finding(), latency.finding()]
    const loudest = findings.reduce((best, finding) => (finding.log > best.log ? finding : best))
    const evidence = evidenceOf(now, loudest, why(now, loudest.log), needed)
    const verdict =
      evidence.why === 'worse' || evidence.why === 'intolerable' ? 'kill' : evidence.why === 'healthy' ? 'ok' : 'hold'
    return { verdict, evidence }
  }

  function forget(): void {
    killed = undefined
    for (const signal of [errors, latency]) signal.reset()
  }

  return {
    tick(now, deltas) {
      if (killed !== undefined) return killed
      if (isSettling && now >= settlesAt) {
        isSettling = false
        for (const signal of [errors, latency]) signal.reset()
      }
      pending = addDeltas(pending, deltas)
      openedAt ??= now - tickMs
      see(now, deltas.errors ?? {})
      if (now - openedAt >= tickMs || integrity.isIntolerable(pending)) {
        errors.observe(now, pending.errors, isSettling)
        if (!isSettling) latency.observe(now, pending.latency)
        integrity.observe(now, pending.integrity)
        pending = NO_DELTAS
        openedAt = now
      }
      const judged = judge(now)
      if (judged.verdict === 'kill') killed = judged
      return judged
    },
    step(now) {
      forget()
      settlesAt = now + settleMs
      isSettling = settleMs > 0
    },
    reset() {
      forget()
      integrity.reset()
      pending = NO_DELTAS
      openedAt = undefined
      isSettling = false
      seenAt.legacy = Number.NEGATIVE_INFINITY
      seenAt.target = Number.NEGATIVE_INFINITY
    },
  }
}
