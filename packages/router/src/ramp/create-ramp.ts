import { type Migration, numberOption, textOption, within } from '@twinspan/core'
import type { RouterGuard } from '../guard/guard-router.ts'
import { readReachAt } from '../guard/reach.ts'
import type { Router } from '../router.ts'
import { judgeStep, type StepFacts, type StepNeeds, type StepVerdict } from './judge-step.ts'

export interface RampOptions extends Partial<StepNeeds> {
  /** How often it is looked whether the step has shown enough. @default 5_000 */
  readonly everyMs?: number
  /** How long one look may take. @default 2_000 */
  readonly timeoutMs?: number
  /** Who the audit trail says it was. @default 'ramp' */
  readonly actor?: string
}

export interface Ramp {
  /** Looks once, and takes the next step if this one has shown enough and this is the process that judges for all. */
  look(): Promise<StepVerdict>
  /** The last verdict; `undefined` before the first look. */
  status(): StepVerdict | undefined
  /** Begins to look again and again. */
  start(): void
  /** Ends it. The migration's own `stop` does it too. */
  stop(): Promise<void>
}

/**
 * Takes a rollout up its steps, one after the other, each when it has shown enough: long enough, enough units, enough reads, the
 * guard content and the target not behind. Every process may run one; the one that judges for all takes the steps.
 *
 * It begins at the first step that somebody set, goes on after a `rearm`, and never goes back.
 */
export function createRamp(migration: Migration, router: Router, guard: RouterGuard, options: RampOptions = {}): Ramp {
  const needs: StepNeeds = {
    minTimeMs: numberOption('minTimeMs', options.minTimeMs, 600_000, { min: 0 }),
    minUnits: numberOption('minUnits', options.minUnits, 100, { min: 0 }),
    minOperations: numberOption('minOperations', options.minOperations, 1_000, { min: 0 }),
    maxLagMs: numberOption('maxLagMs', options.maxLagMs, 10_000, { min: 0 }),
  }
  const everyMs = numberOption('everyMs', options.everyMs, 5_000, { min: 10 })
  const timeoutMs = numberOption('timeoutMs', options.timeoutMs, 2_000, { min: 10 })
  const actor = textOption('actor', options.actor ?? 'ramp', 'createRamp')
  let last: StepVerdict | undefined
  let watch: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined

  async function facts(): Promise<StepFacts> {
    const { phase, percent, steps, since, killed, stale, problem, epoch } = router.status()
    const { plan } = migration.snapshot
    const isOpen = phase === 'canary' && killed === null && !stale && problem === null
    const { units, operations } = await readReachAt(migration, epoch)
    const lagMs = await migration.sides[plan.primary].journal.stats().then(
      (stats) => (stats.parked > 0 ? Number.POSITIVE_INFINITY : stats.oldestAgeMs),
      () => null,
    )
    const sinceMs = since === null ? 0 : migration.now() - since
    return { percent, steps, isOpen, sinceMs, units, operations, lagMs, verdict: guard.status().all?.verdict }
  }

  async function look(): Promise<StepVerdict> {
    const found = await within(timeoutMs, 'Looking at the step', facts)
    const verdict = judgeStep(found, needs)
    last = verdict
    if (verdict.verdict !== 'advance' || !guard.status().leads) return verdict
    const { sinceMs, units, operations, lagMs } = found
    const strength = guard.status().all?.evidence.strength ?? 0
    await router.setPercent(verdict.to, {
      actor,
      reason: `${found.percent} % has shown enough: ${operations} reads of about ${units} units in ${Math.round(sinceMs / 1_000)} s`,
      from: found.percent,
      evidence: { sinceMs, units, operations, lagMs, strength },
    })
    return verdict
  }

  async function watching(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await migration.sleep(everyMs, signal).catch(() => {})
      // What cannot be looked at is not advanced either.
      if (!signal.aborted) await look().catch(() => {})
    }
  }

  async function stop(): Promise<void> {
    const ending = watch
    watch = undefined
    ending?.stop.abort()
    await ending?.ended
  }

  return {
    look,
    status: () => last,
    start() {
      if (watch !== undefined) return
      const ended = new AbortController()
      migration.onStop(stop)
      watch = { stop: ended, ended: migration.detached(() => watching(ended.signal)) }
    },
    stop,
  }
}
