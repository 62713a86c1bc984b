import {
  type Key,
  keyText,
  type Migration,
  type SideName,
  type Snapshot,
  stands,
  type UnitOfWork,
} from '@twinspan/core'
import { type Decision, type Outcome, outcomesAt } from './decision.ts'
import type { Follower } from './follow.ts'
import { murmur3Signed } from './murmur3.ts'
import type { UpperBound } from './upper-bound.ts'

export interface Decider {
  decide(key: Key | null | undefined, tenant?: string): Decision
  /** Whether the stored percentage is meant for the canary that this process is in. */
  isMeant(snapshot: Snapshot): boolean
  /** Keeps every read of this process on legacy, before anything is stored. */
  latch(isLatched: boolean): void
  /** Keeps every read of this process on legacy for a while. */
  pause(isPaused: boolean): void
  /** Tells the listeners of the migration what was decided since the last time. */
  tell(): void
  readonly withoutKey: number
}

export interface DeciderOptions {
  readonly seed: number
  readonly tenantOf: ((key: string) => string | undefined) | undefined
  readonly upperBound: UpperBound | undefined
}

/** Where a unit of work keeps what was decided in it. */
const PIN = 'twinspan.router'
/** A job that goes through all users as one unit of work must not collect them. */
const MAX_PINNED = 10_000

/** The hot path: no await, no I/O, nothing that throws, no object that was not there before. */
export function createDecider(migration: Migration, follower: Follower, options: DeciderOptions): Decider {
  const { seed, tenantOf, upperBound } = options
  let isLatched = false
  let isPaused = false
  let withoutKey = 0
  let outcomes = outcomesAt(follower.view.epoch)
  let outcomesEpoch = follower.view.epoch
  // Worked out once per snapshot and version, not once per read.
  let judgedSnapshot: Snapshot | undefined
  let judgedEpoch = -1
  let judgement = false

  function isMeant(snapshot: Snapshot): boolean {
    const { view } = follower
    if (snapshot !== judgedSnapshot || view.epoch !== judgedEpoch) {
      judgedSnapshot = snapshot
      judgedEpoch = view.epoch
      judgement = view.rollout !== undefined && stands(view.rollout, snapshot)
    }
    return judgement
  }

  function tell(): void {
    for (const outcome of Object.values(outcomes)) {
      const { count } = outcome
      if (count === 0) continue
      outcome.count = 0
      const { side, reason } = outcome.decision
      migration.events.emit({ type: 'rollout-decisions', side, reason, count })
    }
  }

  function decide(key: Key | null | undefined, tenant: string | undefined): Decision {
    if (follower.view.epoch !== outcomesEpoch) {
      tell()
      outcomesEpoch = follower.view.epoch
      outcomes = outcomesAt(outcomesEpoch)
    }
    const { snapshot } = migration
    if (snapshot.plan.reads !== 'router') {
      return counted(snapshot.plan.primary === 'legacy' ? outcomes.primaryLegacy : outcomes.primaryTarget)
    }
    const text = textOf(key)
    const work = migration.unitOfWork
    if (work === undefined || text === '') return counted(choose(snapshot, text, tenant))
    const pinned = pinnedIn(work)
    const before = pinned.get(text)
    if (before !== undefined) return before
    const decision = counted(choose(snapshot, text, tenant))
    if (pinned.size < MAX_PINNED) pinned.set(text, decision)
    return decision
  }

  function choose(snapshot: Snapshot, text: string, tenant: string | undefined): Outcome {
    const { view } = follower
    if (isLatched || view.killed !== null) return outcomes.killed
    if (isPaused) return outcomes.paused
    if (follower.readAt === undefined) return outcomes.unread
    if (snapshot.stale || follower.isStale()) return outcomes.stale
    if (view.problem !== null) return outcomes.conflict
    if (text === '') {
      withoutKey++
      return outcomes.noKey
    }
    const wanted = wish(snapshot, text, tenant)
    if (upperBound === undefined || wanted.decision.side === 'legacy' || upperBound.allows(text)) return wanted
    return outcomes.bound
  }

  /** What the rollout itself says of a key. */
  function wish(snapshot: Snapshot, text: string, tenant: string | undefined): Outcome {
    const { view } = follower
    if (view.deny.size > 0 && view.deny.has(text)) return outcomes.deny
    if (view.allow.size > 0 && view.allow.has(text)) return outcomes.allow
    if (view.tenants.size > 0) {
      const side = pinOf(text, tenant)
      if (side !== undefined) return side === 'legacy' ? outcomes.tenantLegacy : outcomes.tenantTarget
    }
    if (!isMeant(snapshot)) return outcomes.beyond
    // Turning the sign bit over keeps the order of the buckets, and the numbers small enough to need no box.
    return (murmur3Signed(text, seed) ^ 0x80000000) < view.limit ? outcomes.within : outcomes.beyond
  }

  function pinOf(text: string, tenant: string | undefined): SideName | undefined {
    try {
      const name = tenant ?? tenantOf?.(text)
      return name === undefined ? undefined : follower.view.tenants.get(name)
    } catch {
      // Whose key this is nobody knows, and it may belong to somebody who must not leave legacy.
      return 'legacy'
    }
  }

  return {
    decide,
    isMeant,
    tell,
    latch(value) {
      isLatched = value
    },
    pause(value) {
      isPaused = value
    },
    get withoutKey() {
      return withoutKey
    },
  }
}

function counted(outcome: Outcome): Decision {
  outcome.count++
  return outcome.decision
}

function pinnedIn({ pinned }: UnitOfWork): Map<string, Decision> {
  const before = pinned.get(PIN) as Map<string, Decision> | undefined
  if (before !== undefined) return before
  const map = new Map<string, Decision>()
  pinned.set(PIN, map)
  return map
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
