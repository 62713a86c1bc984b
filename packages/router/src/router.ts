import {
  type Json,
  type Key,
  keyText,
  type Migration,
  numberOption,
  type Phase,
  type RolloutKill,
  type RolloutScope,
  type Snapshot,
  stands,
  textOption,
} from '@twinspan/core'
import { seedOf } from './bucket.ts'
import { type ChangeOptions, change } from './change.ts'
import type { Decision } from './decision.ts'
import { createEdits } from './edits.ts'
import { createFollower } from './follow.ts'
import { murmur3Signed } from './murmur3.ts'
import { type Percent, parsePercent } from './percent.ts'
import { stepsOption, textsOption } from './router-options.ts'
import { HASH } from './view.ts'

export interface RouterOptions {
  /** What a key names: `'user'`, `'tenant'`. Part of the hash. */
  readonly unit: string
  /**
   * The percentages of a ramp, ascending. A rollout that was re-armed begins again at the first.
   *
   * @default [1, 5, 10, 25, 50, 100]
   */
  readonly steps?: readonly (string | number)[]
  /** Another salt is another cohort. It cannot change while in canary. @default '' */
  readonly salt?: string
  /** Keys that read from target during `canary` at any percentage, beside those in the store. */
  readonly allow?: readonly string[]
  /** Keys that never do, beside those in the store. Beats `allow`. */
  readonly deny?: readonly string[]
  /** How often the rollout is read again, give or take a fifth. @default 1_000 */
  readonly refreshMs?: number
  /** How long this process trusts what it last read. After it every read is legacy's. @default 10_000 */
  readonly leaseMs?: number
  /** How long one look at the store may take. @default 2_000 */
  readonly timeoutMs?: number
  readonly random?: () => number
}

export interface KillOptions extends ChangeOptions {
  /** What the decision rests on. Stored with it and in the audit trail: counts and rates, never keys or values. */
  readonly evidence?: Json
  /** Ends the attempts to reach the store. This process stays on legacy all the same. */
  readonly signal?: AbortSignal
}

export interface ListOptions extends ChangeOptions {
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
}

export interface RouterStatus {
  readonly phase: Phase
  /** What is in force in this canary; `'0'` when the stored percentage was meant for an earlier one. */
  readonly percent: string
  /** Milliseconds since 1970 since when `percent` has been in force; `null` when nothing was ever set. */
  readonly since: number | null
  readonly killed: RolloutKill | null
  readonly epoch: number
  readonly steps: readonly string[]
  /** How many keys are listed. */
  readonly allow: number
  readonly deny: number
  /** This process has not read the rollout for a lease and keeps every read on legacy. */
  readonly stale: boolean
  /** When the rollout was last read. */
  readonly readAt: number | null
  /** Decisions that had no key to go by. They are legacy's. */
  readonly withoutKey: number
  /** Why this process keeps to legacy although the rollout could be read. */
  readonly problem: string | null
}

/** Who answers a read: sticky by key, the same in every process. */
export interface Router {
  /**
   * The side that answers reads of `key`. Synchronous, no I/O, never throws. Legacy whenever there is a doubt: no key,
   * nothing read yet, a store that is gone, a latch.
   */
  decide(key: Key | null | undefined): Decision
  /** Reads the rollout and follows it. The first `decide` does it too. Never rejects: the store may come later. */
  start(): Promise<void>
  /** Ends the following. The migration's own `stop` does it too. */
  stop(): Promise<void>
  /**
   * Sends this share of the keys to target. Who was in at a lower percentage stays in.
   *
   * @throws InvalidOptionError, RolloutKilledError, NotStartedError, TimeoutError
   */
  setPercent(percent: string | number, options: ChangeOptions): Promise<void>
  /**
   * Sends everybody back to legacy: in this process at once, in all others when they read the store. It is repeated until
   * it is stored, and holds until `rearm`. Somebody's earlier kill is left as it is.
   */
  kill(options: KillOptions): Promise<void>
  /**
   * Lifts a kill. The rollout begins again at its first step.
   *
   * @throws NotStartedError, TimeoutError
   */
  rearm(options: ChangeOptions): Promise<void>
  /** Replaces the stored lists that are given. Keys are stored as they are; the audit trail gets their number only. */
  setLists(options: ListOptions): Promise<void>
  status(): RouterStatus
}

const DEFAULT_STEPS = [1, 5, 10, 25, 50, 100]

export function createRouter(migration: Migration, options: RouterOptions): Router {
  const unit = textOption('unit', options.unit, 'createRouter')
  const salt = options.salt === undefined ? '' : textOption('salt', options.salt, 'createRouter')
  const scope: RolloutScope = { unit, salt, hash: HASH }
  const steps: readonly Percent[] = stepsOption(options.steps ?? DEFAULT_STEPS)
  const timeoutMs = numberOption('timeoutMs', options.timeoutMs, 2_000, { min: 10 })
  const follower = createFollower(migration, {
    scope,
    allow: textsOption('allow', options.allow),
    deny: textsOption('deny', options.deny),
    leaseMs: numberOption('leaseMs', options.leaseMs, 10_000, { min: 100 }),
    refreshMs: numberOption('refreshMs', options.refreshMs, 1_000, { min: 10 }),
    timeoutMs,
    random: options.random ?? Math.random,
  })
  const context = { migration, follower, timeoutMs }
  const edits = createEdits(migration, scope)
  const seed = seedOf({ migration: migration.name, unit, salt })

  let awake = false
  let latched = false
  let withoutKey = 0
  // Whether the percentage is meant for this canary, worked out once per snapshot and version.
  let judgedSnapshot: Snapshot | undefined
  let judgedEpoch = -1
  let isMeant = false

  function follow(): void {
    awake = true
    migration.onStop(follower.stop)
    follower.start()
  }

  function wake(): void {
    // Before the migration has started there may be no store to read, and after its end there is nothing to follow.
    if (!awake && migration.snapshot.incarnation !== '') follow()
  }

  function percentStands(snapshot: Snapshot): boolean {
    const { view } = follower
    if (snapshot !== judgedSnapshot || view.epoch !== judgedEpoch) {
      judgedSnapshot = snapshot
      judgedEpoch = view.epoch
      isMeant = view.rollout !== undefined && stands(view.rollout, snapshot)
    }
    return isMeant
  }

  function decide(key: Key | null | undefined): Decision {
    if (!awake) wake()
    const { snapshot } = migration
    const { view } = follower
    const { decisions } = view
    if (snapshot.plan.reads !== 'router') {
      return snapshot.plan.primary === 'legacy' ? decisions.primaryLegacy : decisions.primaryTarget
    }
    if (latched || (view.rollout !== undefined && view.rollout.killed !== null)) return decisions.killed
    if (follower.readAt === undefined) return decisions.unread
    if (snapshot.stale || follower.isStale()) return decisions.stale
    if (view.problem !== null) return decisions.conflict
    const text = textOf(key)
    if (text === '') {
      withoutKey++
      return decisions.noKey
    }
    if (view.deny.size > 0 && view.deny.has(text)) return decisions.deny
    if (view.allow.size > 0 && view.allow.has(text)) return decisions.allow
    if (!percentStands(snapshot)) return decisions.beyond
    // Turning the sign bit over keeps the order of the buckets and the numbers small enough to need no box.
    return (murmur3Signed(text, seed) ^ 0x80000000) < view.limit ? decisions.within : decisions.beyond
  }

  migration.events.on('phase', wake)

  return {
    decide,

    async start() {
      follow()
      await follower.look().catch(() => {})
    },

    stop: follower.stop,

    async setPercent(percent, { actor, reason }) {
      const { text } = parsePercent(percent)
      const by = answerable(actor, reason)
      await change(context, edits.percent(text), by)
      wake()
    },

    async kill({ actor, reason, evidence, signal }) {
      const by = answerable(actor, reason)
      latched = true
      if ((follower.view.rollout?.killed ?? null) === null) {
        migration.events.emit({ type: 'kill', ...by, ...(evidence === undefined ? {} : { evidence }) })
      }
      const edit = edits.kill(actor, reason, evidence)
      for (let attempt = 0; ; attempt++) {
        try {
          await change(context, edit, { ...by, ...(evidence === undefined ? {} : { evidence }) })
          break
        } catch (error) {
          if (signal?.aborted) throw error
          await migration.sleep(Math.min(5_000, 50 * 2 ** Math.min(attempt, 10)), signal)
        }
      }
      latched = false
      wake()
    },

    async rearm({ actor, reason }) {
      const [first] = steps
      await change(context, edits.rearm(first?.text ?? '0'), answerable(actor, reason))
      latched = false
      wake()
    },

    async setLists({ actor, reason, allow, deny }) {
      const lists = {
        ...(allow === undefined ? {} : { allow: textsOption('allow', allow) }),
        ...(deny === undefined ? {} : { deny: textsOption('deny', deny) }),
      }
      await change(context, edits.lists(lists), answerable(actor, reason))
      wake()
    },

    status() {
      const { snapshot } = migration
      const { rollout, epoch, problem, allow, deny } = follower.view
      return {
        phase: snapshot.phase,
        percent: rollout !== undefined && percentStands(snapshot) ? rollout.percent : '0',
        since: rollout?.since ?? null,
        killed: rollout?.killed ?? null,
        epoch,
        steps: steps.map((step) => step.text),
        allow: allow.size,
        deny: deny.size,
        stale: follower.isStale(),
        readAt: follower.readAt ?? null,
        withoutKey,
        problem,
      }
    },
  }
}

function answerable(actor: unknown, reason: unknown): ChangeOptions {
  return { actor: textOption('actor', actor), reason: textOption('reason', reason) }
}

/** The key as it is hashed; empty when there is none. */
function textOf(key: Key | null | undefined): string {
  if (typeof key === 'string') return key
  if (key === null || key === undefined) return ''
  try {
    return keyText(key)
  } catch {
    return ''
  }
}
