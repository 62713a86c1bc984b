import type { Json, Key, Phase, RolloutKill, SideName } from '@twinspan/core'
import type { ChangeOptions } from './change.ts'
import type { Decision } from './decision.ts'
import type { UpperBound } from './upper-bound.ts'

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
  /** Tenants whose keys all read from one side, beside those in the store, which win. Weaker than `allow` and `deny`. */
  readonly tenants?: Readonly<Record<string, SideName>>
  /**
   * The tenant of a key, where `decide` is not told. Called only when tenants are pinned. If it throws, the key is legacy's.
   *
   * @example
   * (key) => key.split('/')[0]
   */
  readonly tenantOf?: (key: string) => string | undefined
  /** Somebody else's flag, which may keep keys on legacy that would read from target: `fromOpenFeature(client, ...)`. */
  readonly upperBound?: UpperBound
  /**
   * A file for the last known rollout. A process that starts while the store is away, or has lost a kill, stays on legacy because
   * of it; it never reads from target because of it.
   */
  readonly lastKnown?: string
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

export interface StepOptions extends ChangeOptions {
  /** Changes it only from this percentage. A step that was planned must not overrule what somebody did meanwhile. */
  readonly from?: string
  /** What the decision rests on. Stored in the audit trail: counts and rates, never keys or values. */
  readonly evidence?: Json
}

export interface ListOptions extends ChangeOptions {
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
  readonly tenants?: Readonly<Record<string, SideName>>
}

export interface RouterStatus {
  readonly phase: Phase
  /** What is in force in this canary; `'0'` when the stored percentage was meant for an earlier one. */
  readonly percent: string
  /** Milliseconds since 1970 since when `percent` has been in force; `null` when nothing was ever set. */
  readonly since: number | null
  /** The latch, be it one that the store has lost. */
  readonly killed: RolloutKill | null
  /** This process sends nobody to target for a while (`pause`). */
  readonly paused: boolean
  readonly epoch: number
  /** The version of the rollout in which this attempt began. */
  readonly begun: number
  readonly steps: readonly string[]
  /** How many keys are listed. */
  readonly allow: number
  readonly deny: number
  readonly tenants: number
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
   * nothing read yet, a store that is gone, a latch. Within a unit of work the first decision about a key stands.
   *
   * @param tenant whom the key belongs to, for pinned tenants; `tenantOf` tells otherwise
   */
  decide(key: Key | null | undefined, tenant?: string): Decision
  /** Finds out what `decide` has to know about a key beforehand: nothing, unless there is an `upperBound`. Never rejects. */
  prepare(key: string): Promise<void>
  /** Reads the rollout and follows it. The first `decide` does it too. Never rejects: the store may come later. */
  start(): Promise<void>
  /** Ends the following. The migration's own `stop` does it too. */
  stop(): Promise<void>
  /**
   * Sends this share of the keys to target. Who was in at a lower percentage stays in.
   *
   * @throws InvalidOptionError, RolloutKilledError, NotStartedError, TimeoutError
   */
  setPercent(percent: string | number, options: StepOptions): Promise<void>
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
  /**
   * Keeps every read of this process on legacy until everybody who asked for it lets go. Stores nothing; the other processes go on.
   *
   * @param by who asks. @default 'application'
   */
  pause(isPaused: boolean, by?: string): void
  /** Replaces the stored lists that are given. Keys are stored as they are; the audit trail gets their number only. */
  setLists(options: ListOptions): Promise<void>
  status(): RouterStatus
}
