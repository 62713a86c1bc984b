import type { Verdict } from '../guard/verdict.ts'

/** What a step has to have shown before the next. */
export interface StepNeeds {
  /** How long a step lasts at least. Time that its guard spent settling is part of it. @default 600_000 */
  readonly minTimeMs: number
  /** Different units that target has answered in the step. @default 100 */
  readonly minUnits: number
  /** Reads that target has answered in the step. `planStep` says how many show a given regression. @default 1_000 */
  readonly minOperations: number
  /** How far the target may be behind: the age of the oldest key that waits in the journal. @default 10_000 */
  readonly maxLagMs: number
}

/** What is known of the step that the rollout is at. */
export interface StepFacts {
  readonly percent: string
  readonly steps: readonly string[]
  /** Whether the rollout may go on at all: in canary, not killed, known to this process. */
  readonly isOpen: boolean
  readonly sinceMs: number
  readonly units: number
  readonly operations: number
  /** `null`: nobody can tell. */
  readonly lagMs: number | null
  /** What the guard says of what all processes saw; `undefined`: it has not said anything yet. */
  readonly verdict: Verdict | undefined
}

export type HoldReason = 'not-open' | 'not-begun' | 'guard' | 'time' | 'units' | 'operations' | 'lag'

export type StepVerdict =
  | { readonly verdict: 'advance'; readonly to: string }
  | { readonly verdict: 'hold'; readonly reasons: readonly HoldReason[] }
  | { readonly verdict: 'done' }

/** Whether a step has shown enough. What cannot be told holds, and nothing here ever goes back: that is the guard's. */
export function judgeStep(facts: StepFacts, needs: StepNeeds): StepVerdict {
  const percent = Number(facts.percent)
  const to = facts.steps.find((step) => Number(step) > percent)
  if (facts.isOpen && percent > 0 && to === undefined) return { verdict: 'done' }
  const holds: Readonly<Record<HoldReason, boolean>> = {
    'not-open': !facts.isOpen,
    // Somebody has to want the first step.
    'not-begun': percent === 0,
    guard: facts.verdict !== 'ok',
    time: facts.sinceMs < needs.minTimeMs,
    units: facts.units < needs.minUnits,
    operations: facts.operations < needs.minOperations,
    lag: facts.lagMs === null || facts.lagMs > needs.maxLagMs,
  }
  const reasons = (Object.keys(holds) as HoldReason[]).filter((reason) => holds[reason])
  return reasons.length > 0 || to === undefined ? { verdict: 'hold', reasons } : { verdict: 'advance', to }
}
