import { type Migration, numberOption, type Phase, textOption, within } from '@twinspan/core'
import { murmur3 } from '../murmur3.ts'
import type { Router } from '../router.ts'
import { createAftermath, type HandOver } from './aftermath.ts'
import { createBreaker } from './breaker.ts'
import { createGuard, type GuardOptions } from './guard.ts'
import { createLeader } from './leader.ts'
import { createOutcomes, type LatencyAllowance } from './outcomes.ts'
import { createShare } from './shared.ts'
import type { GuardEvidence, GuardTick } from './verdict.ts'

export interface GuardRouterOptions extends GuardOptions {
  /**
   * What target may take longer than legacy: `tolerance` times legacy's recent quantile (1.5) or `slackMs` more than it (50),
   * whichever allows more. `false`: durations are not judged.
   */
  readonly latency?: Partial<LatencyAllowance> | false
  /** A unit's bad outcomes count once in this time, in all processes together. @default 300_000 */
  readonly oncePerMs?: number
  /** How long a process leaves target alone whose own reads of it fail. Twice as long each time, up to twenty times. @default 30_000 */
  readonly pauseMs?: number
  /**
   * The entity whose key a unit is. After a kill the keys whose reads differed are marked dirty, so that the mirror copies them
   * again.
   *
   * @example
   * { entity: 'users', key: (unit) => Number(unit) }
   */
  readonly handOver?: HandOver
  /** Who the audit trail says it was. @default 'guard' */
  readonly actor?: string
}

export interface RouterGuardStatus {
  /** The last verdict on what this process saw; `undefined` before the first. Its kill pauses this process. */
  readonly own: GuardTick | undefined
  /** The last verdict on what all saw, in the process that judges for all; `undefined` in the others. Its kill ends the canary. */
  readonly all: GuardTick | undefined
  /** Whether this is the process that judges for all. */
  readonly leads: boolean
}

export interface RouterGuard {
  status(): RouterGuardStatus
  /** Ends the guarding. The migration's own `stop` does it too. */
  stop(): Promise<void>
}

/** The phases in which target answers something that can be judged. */
const JUDGED: readonly Phase[] = ['shadow', 'canary']
/** A step on the store that has not ended by then never will: its connection is gone without a word. */
const LOST_MS = 30_000
const PAUSED_BY = 'guard'
const LAST_WORDS_MS = 1_000

/**
 * Watches the reads of this process, shares what it counts with the others, and takes its turn at judging for all: one process does,
 * as long as it lives, and kills the rollout when target is worse than legacy. It judges `canary`; in `shadow` its status says
 * what it would have done.
 */
export function guardRouter(migration: Migration, router: Router, options: GuardRouterOptions = {}): RouterGuard {
  const { latency = {} } = options
  const actor = textOption('actor', options.actor ?? 'guard', 'guardRouter')
  const tickMs = numberOption('tickMs', options.tickMs, 1_000, { min: 10 })
  const oncePerMs = numberOption('oncePerMs', options.oncePerMs, 300_000, { min: 0 })
  const own = createGuard(options)
  const breaker = createBreaker(numberOption('pauseMs', options.pauseMs, 30_000, { min: 0 }))
  const outcomes = createOutcomes({
    latency: latency !== false && {
      tolerance: numberOption('latency.tolerance', latency.tolerance, 1.5, { min: 1 }),
      slackMs: numberOption('latency.slackMs', latency.slackMs, 50, { min: 0 }),
    },
    oncePerMs,
    seed: murmur3(migration.name),
  })
  const share = createShare(migration)
  const aftermath = createAftermath(migration, router, options.handOver)
  const leader = createLeader(migration, options, {
    oncePerMs,
    ttlMs: Math.max(5_000, 5 * tickMs),
  })
  const ended = new AbortController()

  let lastOwn: GuardTick | undefined
  let clock = Number.NEGATIVE_INFINITY
  let rollout = { percent: 0, killed: false }
  let ticking: Promise<void> | undefined
  let killing: Promise<void> | undefined
  let sharing: Promise<void> | undefined

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
      // One after the other, and never waited for: a store that hangs must not hold up this process's own judgement.
      sharing ??= shareInTime().finally(() => {
        sharing = undefined
      })
    }
  }

  function judge(): void {
    const deltas = outcomes.take()
    const bad = outcomes.takeBad()
    if (breaker.closes(now())) resume()
    if (!isJudged()) return
    share.add(deltas, bad)
    lastOwn = own.tick(now(), deltas)
    tell('process', lastOwn)
    if (lastOwn.verdict !== 'kill') return
    own.reset()
    // In shadow nobody reads from target, and after a kill nobody does any more.
    if (migration.snapshot.phase !== 'canary' || router.status().killed !== null) return
    if (lastOwn.evidence.why === 'intolerable') {
      kill(lastOwn.evidence)
      return
    }
    if (breaker.isOpen) return
    breaker.trip(now())
    router.pause(true, PAUSED_BY)
    migration.events.emit({ type: 'breaker', open: true })
  }

  function resume(): void {
    own.reset()
    router.pause(false, PAUSED_BY)
    migration.events.emit({ type: 'breaker', open: false })
  }

  async function shareInTime(): Promise<void> {
    const done = new AbortController()
    const lost = migration.sleep(LOST_MS, AbortSignal.any([ended.signal, done.signal])).catch(() => {})
    await Promise.race([shareAndLead(), lost])
    done.abort()
  }

  async function shareAndLead(): Promise<void> {
    if (!isJudged()) return
    await flush()
    const all = await leader.tick(now()).catch(() => undefined)
    if (all === undefined) return
    tell('all', all)
    if (all.verdict === 'kill') {
      if (migration.snapshot.phase !== 'canary') leader.reset()
      else if (router.status().killed === null) kill(all.evidence)
    }
    await aftermath.tick().catch(() => {})
  }

  async function flush(): Promise<void> {
    await share.flush().catch(() => {})
    await aftermath.flush().catch(() => {})
  }

  function tell(tier: 'process' | 'all', { verdict, evidence }: GuardTick): void {
    const { signal, strength, needed } = evidence
    migration.events.emit({ type: 'guard', tier, signal, verdict, strength, needed })
  }

  function kill(evidence: GuardEvidence): void {
    killing ??= router
      .kill({ actor, reason: inWords(evidence), evidence, signal: ended.signal })
      .catch(() => {})
      .finally(() => {
        killing = undefined
      })
  }

  function killed(): void {
    // The latch is stronger, and nobody shall be paused any more when it is lifted.
    if (breaker.isOpen) resume()
    breaker.reset()
    aftermath.killed()
  }

  function begin(): void {
    own.reset()
    leader.reset()
    aftermath.begin(leader.leads)
  }

  const unsubscribe = [
    migration.events.on('read-outcome', (event) => {
      if (!isJudged()) return
      outcomes.read(now(), event)
      if (event.side === 'target' && migration.snapshot.phase === 'canary') aftermath.operation(event.unit)
    }),
    migration.events.on('shadow-read', (event) => {
      if (!isJudged()) return
      outcomes.shadow(now(), event)
      if (event.outcome === 'mismatch') aftermath.mismatch(event.unit)
    }),
    migration.events.on('rollout', (event) => {
      const before = rollout
      aftermath.version(event.epoch)
      rollout = { percent: Number(event.percent), killed: event.killed }
      if (event.killed) {
        if (!before.killed) killed()
        return
      }
      if (before.killed) begin()
      if (before.killed || rollout.percent > before.percent) step()
    }),
    migration.events.on('phase', (event) => {
      if (event.phase === 'canary') step()
    }),
  ]

  function step(): void {
    own.step(now())
    leader.step(now())
  }

  async function stop(): Promise<void> {
    for (const end of unsubscribe) end()
    ended.abort()
    await ticking
    await sharing
    router.pause(false, PAUSED_BY)
    await killing
    // What was counted since the last tick belongs to the others' picture too.
    await within(LAST_WORDS_MS, 'Sharing the last counts', flush).catch(() => {})
    leader.stop()
  }

  return { status: () => ({ own: lastOwn, all: leader.last, leads: leader.leads }), stop }
}

function inWords({ signal, legacyBad, legacyTotal, targetBad, targetTotal, durationMs }: GuardEvidence): string {
  const target = `${targetBad} of ${targetTotal} bad on target`
  const legacy = signal === 'integrity' ? '' : `, ${legacyBad} of ${legacyTotal} on legacy`
  return `${signal}: ${target}${legacy}, within ${Math.round(durationMs / 1_000)} s`
}
