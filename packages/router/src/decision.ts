import type { SideName } from '@twinspan/core'

/**
 * - `phase`: outside `canary` the phase says who answers, not the router
 * - `percent`: the key's bucket is below the threshold (target) or is not (legacy)
 * - `allow`, `deny`: the key is on a list
 * - `killed`: the rollout is latched
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
  | 'killed'
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

/** Every decision that one version of the rollout can lead to. */
export interface Decisions {
  readonly primaryLegacy: Decision
  readonly primaryTarget: Decision
  readonly within: Decision
  readonly beyond: Decision
  readonly allow: Decision
  readonly deny: Decision
  readonly killed: Decision
  readonly noKey: Decision
  readonly unread: Decision
  readonly stale: Decision
  readonly conflict: Decision
}

export function decisionsAt(epoch: number): Decisions {
  const decision = (side: SideName, reason: DecisionReason): Decision => Object.freeze({ side, reason, epoch })
  return {
    primaryLegacy: decision('legacy', 'phase'),
    primaryTarget: decision('target', 'phase'),
    within: decision('target', 'percent'),
    beyond: decision('legacy', 'percent'),
    allow: decision('target', 'allow'),
    deny: decision('legacy', 'deny'),
    killed: decision('legacy', 'killed'),
    noKey: decision('legacy', 'no-key'),
    unread: decision('legacy', 'unread'),
    stale: decision('legacy', 'stale'),
    conflict: decision('legacy', 'conflict'),
  }
}
