import type { SideName } from '@twinspan/core'

/**
 * - `phase`: outside `canary` the phase says who answers, not the router
 * - `percent`: the key's bucket is below the threshold (target) or is not (legacy)
 * - `allow`, `deny`: the key is on a list
 * - `tenant`: the key's tenant is pinned to a side
 * - `bound`: the router would have said target, and somebody else's flag does not let it
 * - `killed`: the rollout is latched
 * - `paused`: this process sends nobody to target for a while
 * - `no-key`: there was nothing to hash
 * - `unread`: this process has not read the rollout yet
 * - `stale`: it has not been able to for the length of a lease
 * - `conflict`: the stored rollout hashes something else than this router was told to, or cannot be understood
 */
export type DecisionReason =
  | 'phase'
  | 'percent'
  | 'allow'
  | 'deny'
  | 'tenant'
  | 'bound'
  | 'killed'
  | 'paused'
  | 'no-key'
  | 'unread'
  | 'stale'
  | 'conflict'

/** Who answers, and why. The same few frozen objects are handed out again and again. */
export interface Decision {
  readonly side: SideName
  readonly reason: DecisionReason
  /** The version of the rollout that was decided by; `0` before there is one. */
  readonly epoch: number
}

type OutcomeName =
  | 'primaryLegacy'
  | 'primaryTarget'
  | 'within'
  | 'beyond'
  | 'allow'
  | 'deny'
  | 'tenantTarget'
  | 'tenantLegacy'
  | 'bound'
  | 'killed'
  | 'paused'
  | 'noKey'
  | 'unread'
  | 'stale'
  | 'conflict'

/** Every outcome that there is. */
const OUTCOMES: Readonly<Record<OutcomeName, readonly [SideName, DecisionReason]>> = {
  primaryLegacy: ['legacy', 'phase'],
  primaryTarget: ['target', 'phase'],
  within: ['target', 'percent'],
  beyond: ['legacy', 'percent'],
  allow: ['target', 'allow'],
  deny: ['legacy', 'deny'],
  tenantTarget: ['target', 'tenant'],
  tenantLegacy: ['legacy', 'tenant'],
  bound: ['legacy', 'bound'],
  killed: ['legacy', 'killed'],
  paused: ['legacy', 'paused'],
  noKey: ['legacy', 'no-key'],
  unread: ['legacy', 'unread'],
  stale: ['legacy', 'stale'],
  conflict: ['legacy', 'conflict'],
}

/** A decision and how often it was handed out. */
export interface Outcome {
  readonly decision: Decision
  count: number
}

/** Every decision that one version of the rollout can lead to, made once. */
export type Outcomes = Readonly<Record<OutcomeName, Outcome>>

export function outcomesAt(epoch: number): Outcomes {
  const entries = Object.entries(OUTCOMES).map(([name, [side, reason]]): [string, Outcome] => [
    name,
    { decision: Object.freeze({ side, reason, epoch }), count: 0 },
  ])
  return Object.fromEntries(entries) as Outcomes
}
