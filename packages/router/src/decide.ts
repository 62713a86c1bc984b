import { type Key, keyText, type Migration, type Snapshot, stands } from '@twinspan/core'
import type { Decision } from './decision.ts'
import type { Follower } from './follow.ts'
import { murmur3Signed } from './murmur3.ts'

export interface Decider {
  decide(key: Key | null | undefined): Decision
  /** Whether the stored percentage is meant for the canary that this process is in. */
  isMeant(snapshot: Snapshot): boolean
  /** Keeps every read of this process on legacy, before anything is stored. */
  latch(isLatched: boolean): void
  readonly withoutKey: number
}

/** The hot path: no await, no I/O, nothing that throws, no object that was not there before. */
export function createDecider(migration: Migration, follower: Follower, seed: number): Decider {
  let isLatched = false
  let withoutKey = 0
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

  function decide(key: Key | null | undefined): Decision {
    const { snapshot } = migration
    const { view } = follower
    const { decisions } = view
    if (snapshot.plan.reads !== 'router') {
      return snapshot.plan.primary === 'legacy' ? decisions.primaryLegacy : decisions.primaryTarget
    }
    if (isLatched || (view.rollout !== undefined && view.rollout.killed !== null)) return decisions.killed
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
    if (!isMeant(snapshot)) return decisions.beyond
    // Turning the sign bit over keeps the order of the buckets, and the numbers small enough to need no box.
    return (murmur3Signed(text, seed) ^ 0x80000000) < view.limit ? decisions.within : decisions.beyond
  }

  return {
    decide,
    isMeant,
    latch(value) {
      isLatched = value
    },
    get withoutKey() {
      return withoutKey
    },
  }
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
