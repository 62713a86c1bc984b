import type { Key } from './key.ts'
import type { Phase, SideName } from './phases.ts'

/** The stable codes of everything Twinspan throws. Messages may change; codes do not. */
export type ErrorCode =
  | 'TWINSPAN_INVALID_OPTION'
  | 'TWINSPAN_INVALID_KEY'
  | 'TWINSPAN_UNSUPPORTED_ENGINE'
  | 'TWINSPAN_UNKNOWN_TABLE'
  | 'TWINSPAN_UNKNOWN_COLUMN'
  | 'TWINSPAN_MISSING_PRIMARY_KEY'
  | 'TWINSPAN_MISSING_OPERATION'
  | 'TWINSPAN_TARGET_NOT_EMPTY'
  | 'TWINSPAN_MIGRATION_CONFLICT'
  | 'TWINSPAN_NOT_STARTED'
  | 'TWINSPAN_UNAVAILABLE'
  | 'TWINSPAN_OPAQUE_SIDE'
  | 'TWINSPAN_STALE_PHASE'
  | 'TWINSPAN_FENCE_TIMEOUT'
  | 'TWINSPAN_PHASE_REFUSED'
  | 'TWINSPAN_CERTIFICATE_REFUSED'
  | 'TWINSPAN_CUTOVER_BLOCKED'
  | 'TWINSPAN_CUTOVER_ABORTED'
  | 'TWINSPAN_ROLLOUT_KILLED'
  | 'TWINSPAN_TIMEOUT'
  | 'TWINSPAN_TRANSACTION_ENDED'
  | 'TWINSPAN_PART_HELD'
  | 'TWINSPAN_TRANSLATION'
  | 'TWINSPAN_JOB_CLAIMED'
  | 'TWINSPAN_ERROR_BUDGET'
  | 'TWINSPAN_ARCHIVE'

/** The root of everything Twinspan throws by itself. The primary's own errors are never wrapped in it. */
export class TwinspanError extends Error {
  override readonly name: string = 'TwinspanError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** An option that cannot be meant. Thrown at construction. */
export class InvalidOptionError extends TwinspanError {
  override readonly name: string = 'InvalidOptionError'
  readonly option: string

  constructor(option: string, got: unknown, expected: string, where?: string) {
    super(
      'TWINSPAN_INVALID_OPTION',
      `Option ${option}${where ? ` of ${where}` : ''} takes ${expected}, got ${show(got)}.`,
    )
    this.option = option
  }
}

/** A value that cannot be a key: not a string, a safe integer or a bigint, or a tuple of another length. */
export class InvalidKeyError extends TwinspanError {
  override readonly name: string = 'InvalidKeyError'

  // The value itself stays out of the message: a key may be an e-mail address.
  constructor(got: unknown, where?: string) {
    super(
      'TWINSPAN_INVALID_KEY',
      `A key${where ? ` of ${where}` : ''} is a string, a safe integer, a bigint or a tuple of them; got ${Array.isArray(got) ? `a tuple of ${got.length}` : kindOf(got)}.`,
    )
  }
}

export class UnsupportedEngineError extends TwinspanError {
  override readonly name: string = 'UnsupportedEngineError'
  readonly engine: string

  constructor(engine: string, supported: readonly string[]) {
    super('TWINSPAN_UNSUPPORTED_ENGINE', `The engine ${engine} is not supported. Supported: ${supported.join(', ')}.`)
    this.engine = engine
  }
}

export class UnknownTableError extends TwinspanError {
  override readonly name: string = 'UnknownTableError'
  readonly table: string

  constructor(table: string, options?: ErrorOptions) {
    super('TWINSPAN_UNKNOWN_TABLE', `There is no table "${table}". Nothing was written.`, options)
    this.table = table
  }
}

export class UnknownColumnError extends TwinspanError {
  override readonly name: string = 'UnknownColumnError'
  readonly table: string
  readonly column: string

  constructor(table: string, column: string, known: readonly string[]) {
    super(
      'TWINSPAN_UNKNOWN_COLUMN',
      `Table "${table}" has no column "${column}"; it has ${known.join(', ')}. Nothing was written.`,
    )
    this.table = table
    this.column = column
  }
}

export class MissingPrimaryKeyError extends TwinspanError {
  override readonly name: string = 'MissingPrimaryKeyError'
  readonly table: string

  constructor(table: string, key: readonly string[]) {
    super(
      'TWINSPAN_MISSING_PRIMARY_KEY',
      `Table "${table}" has no primary key or unique constraint on (${key.join(', ')}), so an upsert by it is impossible. Nothing was written.`,
    )
    this.table = table
  }
}

/** A method of the wrapped repository that is not classified as read, write or local. */
export class MissingOperationError extends TwinspanError {
  override readonly name: string = 'MissingOperationError'
  readonly operations: readonly string[]

  constructor(entity: string, operations: readonly string[]) {
    super(
      'TWINSPAN_MISSING_OPERATION',
      `The repository of "${entity}" has methods that operations does not classify: ${operations.join(', ')}. Mark each with read(), write() or local().`,
    )
    this.operations = operations
  }
}

/** The target holds rows and no earlier attempt of this migration left them there. */
export class TargetNotEmptyError extends TwinspanError {
  override readonly name: string = 'TargetNotEmptyError'
  readonly entity: string

  constructor(migration: string, entity: string, table: string) {
    super(
      'TWINSPAN_TARGET_NOT_EMPTY',
      `The target of "${entity}" (${table}) holds rows that migration "${migration}" did not write. Empty it, or advance with adoptTarget: true, which is audited. Nothing was written.`,
    )
    this.entity = entity
  }
}

/** Two different migrations share one name, or one of the databases belongs to another attempt at it. */
export class MigrationConflictError extends TwinspanError {
  override readonly name: string = 'MigrationConflictError'
  readonly migration: string

  constructor(migration: string, why: string) {
    super('TWINSPAN_MIGRATION_CONFLICT', `Migration "${migration}" ${why}. Nothing was written.`)
    this.migration = migration
  }
}

export class NotStartedError extends TwinspanError {
  override readonly name: string = 'NotStartedError'

  constructor(migration: string) {
    super('TWINSPAN_NOT_STARTED', `Migration "${migration}" has not been started: await migration.start() first.`)
  }
}

/** Neither database nor the store could be asked. */
export class UnavailableError extends TwinspanError {
  override readonly name: string = 'UnavailableError'

  constructor(message: string, options?: ErrorOptions) {
    super('TWINSPAN_UNAVAILABLE', message, options)
  }
}

/** The fence refused a write or a copy: this process worked by an older phase, or a switch is under way. Nothing was written. */
export class StalePhaseError extends TwinspanError {
  override readonly name: string = 'StalePhaseError'
  readonly side: SideName

  constructor(side: SideName, detail: string, options?: ErrorOptions) {
    super('TWINSPAN_STALE_PHASE', `The fence of ${side} refused: ${detail}. Nothing was written.`, options)
    this.side = side
  }
}

/** Something was asked of an opaque side that only a database can do. */
export class OpaqueSideError extends TwinspanError {
  override readonly name: string = 'OpaqueSideError'
  readonly side: SideName

  constructor(side: SideName, what: string, instead: string) {
    super('TWINSPAN_OPAQUE_SIDE', `The opaque side ${side} ${what}. ${instead}. Nothing was changed.`)
    this.side = side
  }
}

/** Writers in flight did not end within the time that the fence may be waited for. */
export class FenceTimeoutError extends TwinspanError {
  override readonly name: string = 'FenceTimeoutError'
  readonly side: SideName

  constructor(side: SideName, timeoutMs: number, options?: ErrorOptions) {
    super(
      'TWINSPAN_FENCE_TIMEOUT',
      `The fence of ${side} could not be taken within ${timeoutMs} ms. Nothing was changed.`,
      options,
    )
    this.side = side
  }
}

/** A phase change that the rules forbid. */
export class PhaseRefusedError extends TwinspanError {
  override readonly name: string = 'PhaseRefusedError'
  readonly from: Phase
  readonly to: Phase

  constructor(migration: string, from: Phase, to: Phase, why: string) {
    super('TWINSPAN_PHASE_REFUSED', `Migration "${migration}" stays in ${from}: ${why}.`)
    this.from = from
    this.to = to
  }
}

/** The rollout was killed and nobody re-armed it. */
export class RolloutKilledError extends TwinspanError {
  override readonly name: string = 'RolloutKilledError'
  readonly actor: string

  constructor(migration: string, actor: string, reason: string) {
    super(
      'TWINSPAN_ROLLOUT_KILLED',
      `The rollout of "${migration}" was killed by ${actor}: ${reason}. Re-arm it first. Nothing was changed.`,
    )
    this.actor = actor
  }
}

/** Something did not end within its budget. What it was doing may still happen. */
export class TimeoutError extends TwinspanError {
  override readonly name: string = 'TimeoutError'

  constructor(what: string, timeoutMs: number) {
    super('TWINSPAN_TIMEOUT', `${what} did not end within ${timeoutMs} ms.`)
  }
}

/** Somebody else ended a transaction that was lent to him. What he wrote in it may be committed. */
export class TransactionEndedError extends TwinspanError {
  override readonly name: string = 'TransactionEndedError'

  constructor(what: string, options?: ErrorOptions) {
    super('TWINSPAN_TRANSACTION_ENDED', `${what} ended the transaction that it was part of.`, options)
  }
}

/** A row of a part belongs to another record as far as this side knows. It is saved once that record has been copied too. */
export class PartHeldError extends TwinspanError {
  override readonly name: string = 'PartHeldError'
  readonly table: string
  // Not enumerable, so that no log shows keys.
  readonly #holders: readonly Key[]

  constructor(table: string, holders: readonly Key[]) {
    super('TWINSPAN_PART_HELD', `A row of "${table}" belongs to another record, which has to give it up first.`)
    this.table = table
    this.#holders = holders
  }

  /** The keys of the records that hold the rows. */
  get holders(): readonly Key[] {
    return this.#holders
  }
}

/** A translation threw, or returned a row of another key. */
export class TranslationError extends TwinspanError {
  override readonly name: string = 'TranslationError'
  readonly entity: string

  constructor(entity: string, why: string, options?: ErrorOptions) {
    super('TWINSPAN_TRANSLATION', `A row of "${entity}" cannot be translated: ${why}.`, options)
    this.entity = entity
  }
}

/** Another process works on the job. */
export class JobClaimedError extends TwinspanError {
  override readonly name: string = 'JobClaimedError'
  readonly job: string

  constructor(job: string) {
    super('TWINSPAN_JOB_CLAIMED', `The job "${job}" is claimed by another process that is alive.`)
    this.job = job
  }
}

/** More rows failed than a job may leave behind. Those found so far are findings; what succeeded stays. */
export class ErrorBudgetError extends TwinspanError {
  override readonly name: string = 'ErrorBudgetError'
  readonly job: string
  readonly failed: number
  readonly budget: number

  constructor(job: string, failed: number, budget: number) {
    super(
      'TWINSPAN_ERROR_BUDGET',
      `The job "${job}" stopped: ${failed} rows failed where its error budget is ${budget}. Each is a finding; start the job again to go on.`,
    )
    this.job = job
    this.failed = failed
    this.budget = budget
  }
}

/**
 * What may be stored or logged of an error that a driver threw: its class and its code, never its message. Drivers put
 * the row's values into messages (`Key (email)=(...) already exists`).
 */
export function redact(error: unknown): string {
  if (error instanceof TwinspanError) return `${error.name}: ${error.message}`
  if (!(error instanceof Error)) return kindOf(error)
  const { code, constraint, column } = error as { code?: unknown; constraint?: unknown; column?: unknown }
  const facts = [code, constraint, column].filter((fact) => typeof fact === 'string' || typeof fact === 'number')
  return facts.length === 0 ? error.name : `${error.name} (${facts.join(', ')})`
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined)
    return String(value)
  return kindOf(value)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
