import { type Migration, numberOption, type Phase } from '@twinspan/core'
import type { Router } from '../router.ts'
import { createGuard, type GuardOptions } from './guard.ts'
import { createOutcomes, type LatencyAllowance } from './outcomes.ts'
import type { GuardEvidence, GuardTick } from './verdict.ts'

export interface GuardRouterOptions extends GuardOptions {
  /**
   * What target may take longer than legacy: `tolerance` times legacy's recent quantile (1.5) or `slackMs` more than it (50),
   * whichever allows more. `false`: durations are not judged.
   */
  readonly latency?: Partial<LatencyAllowance> | false
  /** A unit's bad outcomes count once in this time. @default 300_000 */
  readonly oncePerMs?: number
  /** Who the audit trail says it was. @default 'guard' */
  readonly actor?: string
}

export interface RouterGuard {
  /** The last verdict in this process; `undefined` before the first. */
  status(): GuardTick | undefined
  /** Ends the guarding. The migration's own `stop` does it too. */
  stop(): Promise<void>
}

/** The phases in which target answers something that can be judged. */
const JUDGED: readonly Phase[] = ['shadow', 'canary']

/**
 * Watches the reads of this process and kills the rollout by itself when target is worse than legacy. It judges `canary`;
 * in `shadow` its status says what it would have done.
 *
 * It knows what this process sees: of several processes the first that is sure kills for all.
 */
export function guardRouter(migration: Migration, router: Router, options: GuardRouterOptions = {}): RouterGuard {
  const { latency = {}, actor = 'guard' } = options
  const tickMs = numberOption('tickMs', options.tickMs, 1_000, { min: 10 })
  const guard = createGuard(options)
  const outcomes = createOutcomes({
    latency: latency !== false && {
      tolerance: numberOption('latency.tolerance', latency.tolerance, 1.5, { min: 1 }),
      slackMs: numberOption('latency.slackMs', latency.slackMs, 50, { min: 0 }),
    },
    oncePerMs: numberOption('oncePerMs', options.oncePerMs, 300_000, { min: 0 }),
  })
  const ended = new AbortController()

  let last: GuardTick | undefined
  let clock = Number.NEGATIVE_INFINITY
  let rollout = { percent: 0, killed: false }
  let ticking: Promise<void> | undefined
  let killing: Promise<void> | undefined

  function now(): number {
    clock = Math.max(clock, migration.now())
    return clock
  }

  function isJudged(): boolean {
    const isOn = !ended.signal.aborted && JUDGED.includes(migration.snapshot.phase)
    // The first outcome comes from inside a request, whose phase is pinned: judged by that one, a guard that woke in
    // `shadow` would never kill.
    if (isOn) ticking ??= migration.detached(tick)
    return isOn
  }

  async function tick(): Promise<void> {
    migration.onStop(stop)
    while (!ended.signal.aborted) {
      await migration.sleep(tickMs, ended.signal).catch(() => {})
      judge()
    }
  }

  function judge(): void {
    const deltas = outcomes.take()
    if (!isJudged()) return
    last = guard.tick(now(), deltas)
    if (last.verdict !== 'kill') return
    // In shadow nobody reads from target: say so, and go on looking.
    if (migration.snapshot.phase !== 'canary') guard.reset()
    else if (router.status().killed === null) kill(last.evidence)
  }

  function kill(evidence: GuardEvidence): void {
    killing ??= router
      .kill({ actor, reason: inWords(evidence), evidence, signal: ended.signal })
      .catch(() => {})
      .finally(() => {
        killing = undefined
      })
  }

  const unsubscribe = [
    migration.events.on('read-outcome', (event) => {
      if (isJudged()) outcomes.read(now(), event)
    }),
    migration.events.on('shadow-read', (event) => {
      if (isJudged()) outcomes.shadow(now(), event)
    }),
    migration.events.on('rollout', (event) => {
      const before = rollout
      rollout = { percent: Number(event.percent), killed: event.killed }
      if (event.killed) return
      if (before.killed) guard.reset()
      if (before.killed || rollout.percent > before.percent) guard.step(now())
    }),
    migration.events.on('phase', (event) => {
      if (event.phase === 'canary') guard.step(now())
    }),
  ]

  async function stop(): Promise<void> {
    for (const end of unsubscribe) end()
    ended.abort()
    await ticking
    await killing
  }

  return { status: () => last, stop }
}

function inWords({ signal, legacyBad, legacyTotal, targetBad, targetTotal, durationMs }: GuardEvidence): string {
  const target = `${targetBad} of ${targetTotal} bad on target`
  const legacy = signal === 'integrity' ? '' : `, ${legacyBad} of ${legacyTotal} on legacy`
  return `${signal}: ${target}${legacy}, within ${Math.round(durationMs / 1_000)} s`
}
