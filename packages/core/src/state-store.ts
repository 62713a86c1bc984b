import type { Phase } from './phases.ts'

/** What JSON can carry. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/**
 * Where a migration remembers what is not data: phase and epoch for people to see, leases, documents of the features (rollout,
 * checkpoints, sweeps), findings, the audit trail. Beside the target unless given.
 *
 * A service must boot and serve without it: nothing on a request's path waits for the store.
 */
export interface StateStore {
  bind(migration: string): MigrationStore
}

export interface MigrationState {
  readonly incarnation: string
  readonly phase: Phase
  readonly epoch: number
  /** What the migration is made of; another migration of the same name has another one. */
  readonly definition: string
}

/** One decision: who changed what, when, why, on what evidence. */
export interface AuditEntry {
  /** Milliseconds since 1970, by the clock of the process that decided. */
  readonly at: number
  readonly epoch: number
  /** `'phase'`, `'rollout'`, `'freeze'`, ... */
  readonly action: string
  readonly from: string
  readonly to: string
  readonly actor: string
  readonly reason: string
  readonly evidence?: Json
}

/** A live process. */
export interface Lease {
  readonly instance: string
  /** The newest epoch that the process works by. */
  readonly epoch: number
  readonly phase: Phase
  readonly host: string
  readonly pid: number
  readonly version: string
}

/** A named value with the version that a compare-and-set needs. */
export interface Document {
  readonly value: Json
  /** 1 after the first write. */
  readonly version: number
}

/** A claim on a job. Of two claims on one job the later has the larger token. */
export interface Claim {
  readonly token: number
}

/** A difference, a violation or a failure that somebody must know of. Never holds values unless the application opted in. */
export interface FindingRecord {
  /** `'reconcile'`, `'shadow'`, `'capture-gap'`, `'translation'`, ... */
  readonly kind: string
  readonly entity: string
  /** Names what was found; a finding of the same kind, entity and subject replaces the older one. A keyed hash, not the key. */
  readonly subject: string
  readonly detail: Json
}

export interface StoredFinding extends FindingRecord {
  /** Milliseconds since 1970, by the store's clock. */
  readonly at: number
}

export interface MigrationStore {
  /** Idempotent, and safe when several processes do it at once. */
  prepare(): Promise<void>

  readState(): Promise<MigrationState | undefined>
  /**
   * Writes the state and its audit entries in one transaction when the stored epoch is lower than `next.epoch` (or there
   * is no state). Entries of an epoch that is already recorded are left alone.
   *
   * @returns whether the state was written
   */
  recordState(next: MigrationState, audit: readonly AuditEntry[]): Promise<boolean>
  /** Appends an audit entry that changes no phase. */
  appendAudit(entry: AuditEntry): Promise<void>
  /** Newest first. */
  readAudit(options?: { readonly limit?: number }): Promise<readonly AuditEntry[]>

  /** Takes or renews the lease for `ttlMs` by the store's clock. */
  heartbeat(lease: Lease, ttlMs: number): Promise<void>
  /** The leases that have not run out. */
  leases(): Promise<readonly Lease[]>
  endLease(instance: string): Promise<void>

  getDocument(name: string): Promise<Document | undefined>
  /**
   * Compare-and-set: writes when the stored version is `expected` (`0`: absent, `undefined`: whatever is there), with the
   * audit entry, if given, in the same transaction. `hint`: whoever follows hears of it at once, where the store can tell.
   *
   * @returns whether it was written
   */
  putDocument(
    name: string,
    value: Json,
    options?: { readonly expected?: number; readonly audit?: AuditEntry; readonly hint?: boolean },
  ): Promise<boolean>
  listDocuments(prefix: string): Promise<ReadonlyMap<string, Document>>
  /** Removes documents, whatever their version. One that is not there is none to remove. */
  removeDocuments(names: readonly string[]): Promise<void>
  /**
   * Calls `listener` after a write with `hint` of the document of this name, and after every time in which hints may have been
   * lost. Only ever a reason to read again: hints come late, twice or not at all. Absent where the store cannot tell.
   *
   * @returns what ends it
   */
  follow?(name: string, listener: () => void): () => Promise<void>

  /** Claims a job for `ttlMs`: `undefined` while another owner's claim lives. The same owner renews, token unchanged. */
  claim(name: string, owner: string, ttlMs: number): Promise<Claim | undefined>
  releaseClaim(name: string, owner: string): Promise<void>

  saveFindings(findings: readonly FindingRecord[]): Promise<void>
  findings(filter?: {
    readonly kind?: string
    readonly entity?: string
    readonly limit?: number
  }): Promise<readonly StoredFinding[]>
  clearFindings(filter: {
    readonly kind: string
    readonly entity?: string
    readonly subjects?: readonly string[]
  }): Promise<number>
}
