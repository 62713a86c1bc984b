import type { Json, Key, Phase, RolloutKill } from '@twinspan/core'
import type { ChangeOptions } from './change.ts'
import type { Decision } from './decision.ts'

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
