import type { CaptureMode } from './capture-modes.ts'
import type { DoctorFinding } from './doctor.ts'
import type { Entity } from './entity.ts'
import type { Events } from './events.ts'
import type { Phase, Plan, SideName } from './phases.ts'
import type { BoundSide, Side } from './side.ts'
import type { Json, MigrationStore, StateStore } from './state-store.ts'
import type { UnitOfWork } from './unit-of-work.ts'

export type OnCaptureFailure = 'fail-write' | 'write-anyway'

export interface MigrationOptions {
  /** Names the migration in both databases. Unique per pair of databases. */
  readonly name: string
  readonly legacy: Side
  readonly target: Side
  /**
   * How a write's key gets into the journal. `'trigger'`: row triggers in the database, which also catch cron jobs and other
   * services. `'transaction'`: the wrapper inserts it in the repository's transaction, for databases where triggers are forbidden.
   * `'intent'`: the wrapper commits it before the call and marks it after the call, for primaries that are no database of
   * ours, or hide their connection. One mode for both sides, or one each; change it while the migration is `off`.
   *
   * @default 'trigger', and 'intent' for an opaque side
   * @example
   * { legacy: 'intent', target: 'trigger' }
   */
  readonly capture?: CaptureMode | Readonly<Partial<Record<SideName, CaptureMode>>>
  /** How calls in flight are kept track of, with `capture: 'intent'`. The same in every process. */
  readonly intents?: IntentOptions
  /**
   * What becomes of a write whose mark or intent cannot be made, with `capture: 'transaction'` or `'intent'`; a trigger leaves no choice.
   * `'fail-write'`: it fails. `'write-anyway'`: a gap is recorded in the store, within a second and before the commit, and the
   * write goes through; if the gap cannot be recorded, the write fails. A gap closes the cutover until a full sweep that began
   * after it has found nothing to differ; until then the mirror does not know of the write.
   *
   * @default 'fail-write'
   */
  readonly onCaptureFailure?: OnCaptureFailure
  readonly entities: readonly Entity[]
  /**
   * Phase, epoch, leases, rollout, checkpoints, findings, audit.
   *
   * @default a store beside the target
   */
  readonly store?: StateStore
  /**
   * Names of the doctor's findings that do not hold up `advance`. Written into the reason of every step that they would
   * have refused.
   *
   * @default []
   */
  readonly acceptRisks?: readonly string[]
  /**
   * How long this process counts as alive after its last heartbeat, and how long it trusts the phase that it last read.
   *
   * @default 10_000
   */
  readonly leaseMs?: number
  /**
   * How often the phase is read and the lease renewed.
   *
   * @default 1_000
   */
  readonly refreshMs?: number
  /** How long one look at a side or the store may take before it counts as unreachable. @default 2_000 */
  readonly timeoutMs?: number
  /**
   * How long a write waits for a switch that is under way before it fails with `StalePhaseError`.
   *
   * @default 5_000
   */
  readonly switchWaitMs?: number
  /** Tells this process from others. @default a random UUID */
  readonly instance?: string
  /** The version of the application, for the leases. @default '' */
  readonly version?: string
  readonly now?: () => number
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>
}

export interface IntentOptions {
  /**
   * How long a call in flight is held without a sign of life from its process, which gives one three times as often. After it
   * the owner counts as dead.
   *
   * @default 15_000
   */
  readonly holdMs?: number
  /**
   * How long a call may still take effect after its owner died, or gave up on it without knowing what became of it. Its keys
   * stay dirty for so long, which keeps a switch waiting. Longer than the longest timeout on the way to the store.
   *
   * @default 60_000
   */
  readonly quarantineMs?: number
}

/** What one unit of work believes. */
export interface Snapshot {
  readonly phase: Phase
  readonly epoch: number
  readonly plan: Plan
  /** Names this attempt at the migration. What an earlier attempt left behind (checkpoints, sweeps) is not this one's. */
  readonly incarnation: string
  /** A switch is under way: the fence lets no write pass. */
  readonly switching: boolean
  /** This process could not reach any fence row for the length of a lease. */
  readonly stale: boolean
}

/** A change of phase that somebody answers for. */
export interface Decision {
  readonly to: Phase
  readonly actor: string
  readonly reason: string
  readonly evidence?: Json
}

export interface AdvanceOptions extends Decision {
  /** Takes over a target that holds rows which this migration did not write. Audited. @default false */
  readonly adoptTarget?: boolean
  /** How long to wait until every live process works by the current epoch. @default the lease and a second */
  readonly acknowledgeMs?: number
}

/** One move of one set of entities. */
export interface Migration {
  readonly name: string
  readonly instance: string
  readonly capture: Readonly<Record<SideName, CaptureMode>>
  readonly intents: Required<IntentOptions>
  readonly onCaptureFailure: OnCaptureFailure
  readonly entities: readonly Entity[]
  /** Names of the doctor's findings that hold up no step, as `createMigration` was given them. */
  readonly acceptRisks: readonly string[]
  readonly sides: Readonly<Record<SideName, BoundSide>>
  readonly store: MigrationStore
  readonly events: Events
  /** Milliseconds since 1970; everything that features time goes through it. */
  readonly now: () => number
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>

  /** Prepares what can be reached, takes the phase and a lease, and watches. Serves without the target and without the store. */
  start(): Promise<void>
  /** Ends the watch and the lease. What `onStop` registered is awaited first. */
  stop(): Promise<void>
  /** Registers what has to end before the migration does: the mirror's drain, a worker's last chunk. */
  onStop(end: () => Promise<void>): void

  /** The pinned snapshot inside a unit of work, else the newest that this process knows. No I/O. */
  readonly snapshot: Snapshot
  /**
   * Runs `work` as one unit of work: every read and write inside it goes by one snapshot, and the router decides once.
   * `unit` says whom the work is done for, for reads that do not name anybody themselves.
   */
  run<T>(work: () => T, options?: { readonly unit?: string }): T
  /**
   * Runs `work` as part of no unit of work. For whatever outlives the request that happened to start it: a loop begun inside
   * a unit would go by that unit's phase for ever.
   */
  detached<T>(work: () => T): T
  /** The unit of work that the caller is in. */
  readonly unitOfWork: UnitOfWork | undefined
  /** Reads the fences again. Inside a unit of work the pin moves too: used after a `StalePhaseError`. */
  refresh(): Promise<Snapshot>
  /**
   * Waits until no switch is under way, then answers like `refresh`.
   *
   * @throws StalePhaseError when the switch lasts longer than `switchWaitMs`
   */
  settled(): Promise<Snapshot>

  /**
   * Looks at both databases for what a migration should not be built on: settings that lose acknowledged writes, a replica,
   * missing privileges, tables, keys and triggers. Takes no longer than `timeoutMs` and never throws for a side that is down.
   * Every examination is a `doctor` event too; one is made after the start, while nobody waits for it.
   */
  doctor(): Promise<readonly DoctorFinding[]>

  /**
   * Changes to a neighbouring phase up to `canary`, or back. The switch and what follows go through `@twinspan/cutover`.
   *
   * @throws PhaseRefusedError, TargetNotEmptyError, UnavailableError
   */
  advance(options: AdvanceOptions): Promise<Snapshot>
}
