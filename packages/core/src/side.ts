import type { Examination, SideFinding } from './doctor.ts'
import type { EntityStore, StoreOptions } from './entity-store.ts'
import type { Intents } from './intents.ts'
import type { Key } from './key.ts'
import type { Phase, SideName } from './phases.ts'
import type { AuditEntry, StateStore } from './state-store.ts'

/**
 * What a database gives a migration. An adapter is a function that returns one: `kyselySide(db)`.
 *
 * A side is bound once per migration; nothing that one migration does on a side is visible to another.
 */
export interface Side {
  /** `'postgres'`, `'mysql'`, `'mariadb'`, `'sqlite'`, ... for messages and documentation only. */
  readonly engine: string
  /** A state store in the same database, where the adapter has one. */
  readonly store?: StateStore
  /** Set where the data is in no database of ours: see `opaqueSide`. */
  readonly opaque?: { readonly guard: OpaqueGuard }
  bind(scope: SideScope): BoundSide
}

export interface SideScope {
  readonly migration: string
  readonly side: SideName
  /** Whether this side's writes are captured by intent, so that calls in flight count as dirty. @default false */
  readonly intents?: boolean
}

/** Whether the stores of an opaque side refuse a copy that arrives behind a newer one. */
export type OpaqueGuard = 'version' | 'none'

export interface BoundSide {
  readonly name: SideName
  readonly engine: string
  readonly journal: Journal
  readonly fence: Fence
  readonly capture: Capture
  readonly freeze: Freeze
  /** Calls in flight, for capture by intent. Absent where the adapter cannot record them. */
  readonly intents?: Intents
  /** Set where the data is in no database of ours: there is no transaction to work in, and nothing to freeze. */
  readonly opaque?: { readonly guard: OpaqueGuard }
  /** What a repository factory is given outside of a captured transaction: the application's own handle on the database. */
  readonly connection?: unknown
  /** Creates or upgrades what Twinspan keeps beside the data. Idempotent, and safe when several processes do it at once. */
  prepare(): Promise<void>
  /**
   * Runs `work` in one transaction of this side that holds the fence shared and the stripes exclusively, and whose writes
   * are not captured. The order is fence, stripes, `work`, commit.
   *
   * @throws StalePhaseError when this side is the primary or the fence's epoch is not `epoch`: nothing was written.
   */
  copy<T>(request: CopyRequest, work: (copy: Copy) => Promise<T>): Promise<T>
  /**
   * Capture by transaction: runs `work` in one transaction of this side and inserts the marks of what it wrote as the last
   * statement before the commit, together with the fence check.
   *
   * @throws StalePhaseError when this side does not accept primary writes: the transaction was rolled back.
   */
  captureWrite<T>(request: CaptureRequest<T>, work: (connection: unknown) => Promise<T>): Promise<T>
  /**
   * Looks for settings, roles and missing privileges of this database that a migration should not be built on. Reads only,
   * or writes nothing that stays. Tables, keys and triggers are looked at by the one who asks.
   */
  examine?(examination: Examination): Promise<readonly SideFinding[]>
  /**
   * Tells of marks in this side's journal, whichever process made them, where the database can and was given a connection
   * to do so on. A hint may be lost: whoever waits for one looks by himself from time to time.
   *
   * @param wake called when there may be marks
   */
  hints?(wake: () => void): MarkHints
  /**
   * Runs `work` on one connection of this side's pool, outside of a transaction. Whoever times when it is called knows how long the
   * users of the pool wait for a connection. Absent where there is no pool.
   *
   * @param work is given what stores take as `StoreOptions.transaction`
   */
  onConnection?<T>(work: (connection: unknown) => Promise<T>): Promise<T>
  /** Whether an error that came out of this side's driver, however wrapped, is the fence refusing a write. */
  isStalePhase(error: unknown): boolean
}

export interface MarkHints {
  /**
   * Asks for the next mark to be told of. `true`: every mark that commits from now on calls `wake`, the first at least; those
   * that were there before tell nobody, so look once more. `false`: not now, because nobody can be asked, another process has
   * asked, or marks are about to be committed. Asks again after every `wake`.
   */
  arm(): Promise<boolean>
  /** Whoever is awake need not be told: writers are spared the telling. */
  disarm(): Promise<void>
  stop(): Promise<void>
}

export interface CopyRequest {
  /** The stripes of the keys that `work` overwrites or removes. None for inserts that never touch an existing row. */
  readonly stripes: readonly number[]
  /** The epoch that the copier believes in. */
  readonly epoch: number
  /**
   * `'all'` waits for every stripe, in ascending order. `'free'` takes those that nobody holds and, where none is free,
   * waits for the first.
   *
   * @default 'all'
   */
  readonly wait?: 'all' | 'free'
  /**
   * How long the transaction may take, lock waits included, before the server or the adapter ends it. A copier that is
   * paused while it holds a stripe is ended by the server after this time, and what it had open can never commit.
   *
   * @default 10_000
   */
  readonly timeoutMs?: number
  /** Draws `Copy.version`, for stores that cannot work in the transaction. @default false */
  readonly versioned?: boolean
}

export interface Copy {
  /** For `StoreOptions.transaction`. */
  readonly transaction: unknown
  /** The stripes that are held: those asked for, or with `wait: 'free'` a part of them, at least one. */
  readonly stripes: readonly number[]
  /**
   * The fencing token of a `versioned` copy. Nobody is ever given it again, whether this copy commits, is rolled back or dies;
   * of two copies that hold one stripe the later has the greater.
   */
  readonly version?: bigint
  /** Aborted as soon as the copy is over. */
  readonly signal?: AbortSignal
  /**
   * Runs `work` in this transaction, then takes back everything that it wrote, whether it returned or threw. Absent where
   * the engine cannot take back a part of a transaction.
   *
   * @throws what `work` threw, the same object
   * @throws TransactionEndedError when there is no transaction any more to take anything back in: `work` committed or rolled
   * back, or the engine did (a deadlock). The copy fails with it, and stripes and fence are not held any longer.
   */
  attempt?<T>(work: () => Promise<T>): Promise<T>
}

export interface CaptureRequest<T> {
  readonly entity: string
  /** The keys that the write touched, known once it is done. */
  keys(result: T): readonly Key[]
  /**
   * Called inside the transaction when the marks could not be made and the fence accepts the write all the same. The write is
   * committed without marks when it resolves, and fails with what it rejects with. A refusal of the fence never comes here.
   *
   * @default the write fails with the error that the marks met
   */
  uncaptured?(error: unknown): Promise<void>
}

/** A key that may differ between the sides. `key` is the entity's `keyText`. */
export interface Mark {
  readonly entity: string
  readonly key: string
}

export interface JournalRow extends Mark {
  /** Opaque and unique; a larger id does not mean a later commit. */
  readonly id: string
  /** How many copies of this row failed. */
  readonly attempts: number
}

export interface ParkedRow extends JournalRow {
  /** The redacted reason of the last failure. */
  readonly error: string
}

export interface JournalStats {
  /** Rows in the journal, parked ones included, and the keys of calls in flight where the side is captured by intent. */
  readonly depth: number
  /** Age of the oldest row that is not parked, or of the oldest call in flight, by the database's clock. `0` when there is none. */
  readonly oldestAgeMs: number
  readonly parked: number
}

/**
 * The table of dirty keys beside a primary's data: "the secondary may not have this key's newest state".
 *
 * Append-only: one row per write. Rows are removed by their ids, exactly, never up to an id: sequences commit out of order.
 */
export interface Journal {
  /** Appends marks outside of a user's write: what found a difference mends it with this. */
  mark(marks: readonly Mark[], options?: StoreOptions): Promise<void>
  /**
   * Up to `limit` rows that are due, oldest first, and with them every other row of the same keys, deferred and parked ones
   * included: a new write of a parked key gives the key a new chance.
   */
  read(options: { readonly limit: number }): Promise<readonly JournalRow[]>
  /** Removes exactly these rows. */
  remove(ids: readonly string[]): Promise<void>
  /** Which of these keys (`keyText`) are dirty. */
  dirty(entity: string, keys: readonly string[]): Promise<ReadonlySet<string>>
  /** Whether any key of the entity is dirty. */
  hasDirty(entity: string): Promise<boolean>
  /** Counts a failed copy of these rows and holds them back for `delayMs`. `error` is redacted and short. */
  defer(ids: readonly string[], options: { readonly delayMs: number; readonly error: string }): Promise<void>
  /** Takes these rows out of the queue until somebody asks for them again. They still count as dirty. */
  park(ids: readonly string[], options: { readonly error: string }): Promise<void>
  /** The parked rows, oldest first. */
  parked(options: { readonly limit: number }): Promise<readonly ParkedRow[]>
  /** Makes parked and deferred rows due at once and forgets their attempts. Returns how many. */
  retry(entity?: string): Promise<number>
  stats(): Promise<JournalStats>
  /**
   * Lets the rows of a key that was written many times give way to one, so that a journal stays short while the other side
   * is away. Looks at up to `limit` rows in the order of their ids after `after`, and with them at other rows of the same
   * keys. Rows that failed or are parked are left alone.
   *
   * The row that stays is a new one, written in the transaction that removes the others. An old one may already have been
   * seen by a copier, who would remove it after a read that is older than a write for which another row stood.
   */
  compact?(options: { readonly limit: number; readonly after?: string }): Promise<Compaction>
  /** Remembers the keys of rows that were removed, where somebody asked for it. */
  readonly changes?: ChangeLog
}

/**
 * The keys of an entity whose marks were removed since somebody began to ask: all that a sweep which began after that has not
 * seen as it is now. One entry for a key, however often it changed.
 */
export interface ChangeLog {
  /** Forgets what there is, and from now on remembers the keys of rows that are removed. In all processes. */
  start(entity: string): Promise<void>
  stop(entity: string): Promise<void>
  /** Up to `limit` keys, in an order of its own, after `after`. */
  read(entity: string, options: { readonly limit: number; readonly after?: ChangedKey }): Promise<readonly ChangedKey[]>
  /** Forgets these, except where a row of the key was removed since they were read. */
  forget(entity: string, changes: readonly ChangedKey[]): Promise<void>
}

export interface ChangedKey {
  /** The entity's `keyText`. */
  readonly key: string
  /** Opaque; another one after the key changed again. */
  readonly version: string
}

export interface Compaction {
  /** How many rows the journal has less than before. */
  readonly removed: number
  /** Where to go on; `undefined` at the end. */
  readonly next: string | undefined
}

/**
 * The row that says who is primary, in each database of a migration. Writers and copiers hold it shared in their own
 * transaction; a change holds it exclusively, and so waits for all of them.
 */
export interface FenceRow {
  /** Counts the changes of this row. The token of the compare-and-set. */
  readonly revision: number
  /** Tells this attempt at the migration from an abandoned one of the same name. */
  readonly incarnation: string
  readonly epoch: number
  readonly phase: Phase
  readonly primary: SideName
  /** `false` while a switch is under way: no captured write passes, whoever the primary is. */
  readonly open: boolean
  /** Ids of the switch under way, so that another process can finish or undo it. `null` when there is none. */
  readonly pending: PendingSwitch | null
  /** Audit entries of decisions taken here that the state store has not recorded yet, oldest first. */
  readonly unrecorded: readonly AuditEntry[]
}

export interface PendingSwitch {
  readonly to: Phase
  readonly instance: string
  /** Milliseconds since the epoch by this database's clock, after which any process may undo the switch. */
  readonly deadline: number
}

export interface Fence {
  /** The row and the database's clock (milliseconds since 1970), or `undefined` before the first `change`. */
  read(): Promise<{ readonly row: FenceRow; readonly now: number } | undefined>
  /**
   * Compare-and-set under the exclusive lock: writes `next` with `revision + 1` when the stored revision is still
   * `revision` (`0` when there is no row yet). Waits for writers and copiers in flight, never longer than `lockTimeoutMs`.
   *
   * @returns whether it was written
   * @throws FenceTimeoutError when the writers in flight did not end in time: nothing was written.
   */
  change(
    revision: number,
    next: Omit<FenceRow, 'revision'>,
    options?: { readonly lockTimeoutMs?: number },
  ): Promise<boolean>
}

/** What capture and freeze need to know of an entity. */
export interface CapturedEntity {
  readonly name: string
  readonly store: EntityStore
}

/** The triggers that put the key of every write into the journal, in the writer's own transaction. */
export interface Capture {
  /** Idempotent. Waits shortly for its locks, gives up, tries again: never a queue of users behind it. */
  install(entities: readonly CapturedEntity[]): Promise<void>
  /** What is missing or altered, one sentence each; empty when capture is complete. */
  verify(entities: readonly CapturedEntity[]): Promise<readonly string[]>
  uninstall(entities: readonly CapturedEntity[]): Promise<void>
}

/** The triggers that refuse every write on a side that is out of service. */
export interface Freeze {
  install(entities: readonly CapturedEntity[]): Promise<void>
  uninstall(entities: readonly CapturedEntity[]): Promise<void>
  /** Writes refused so far, where the engine can count them; `null` where it cannot. */
  denied(): Promise<number | null>
}
