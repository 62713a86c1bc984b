import { type Phase, TwinspanError } from '@twinspan/core'
import type { GateResult } from './gate.ts'

/** A gate is closed. Nothing was switched. */
export class CutoverBlockedError extends TwinspanError {
  override readonly name: string = 'CutoverBlockedError'
  readonly to: Phase
  /** Every gate that was asked, the open ones included. */
  readonly gates: readonly GateResult[]

  constructor(migration: string, to: Phase, gates: readonly GateResult[]) {
    const closed = gates.filter((gate) => !gate.ok).map((gate) => `${gate.name} (${gate.detail})`)
    super(
      'TWINSPAN_CUTOVER_BLOCKED',
      `Cutover of "${migration}" is blocked by ${closed.join(', ')}. Nothing was switched.`,
    )
    this.to = to
    this.gates = gates
  }
}

/** How things stand after a switch that was given up. */
export type Aftermath =
  /** The side that was primary takes writes again. */
  | 'undone'
  /** Its fence could not be reached: it opens by itself, through any live process, once the switch is overdue. */
  | 'overdue-soon'

/** The switch began and was given up before the decision. */
export class CutoverAbortedError extends TwinspanError {
  override readonly name: string = 'CutoverAbortedError'
  readonly to: Phase
  /** The step that did not succeed. */
  readonly step: string
  readonly aftermath: Aftermath

  constructor(migration: string, to: Phase, step: string, why: string, aftermath: Aftermath, options?: ErrorOptions) {
    const end =
      aftermath === 'undone'
        ? 'It was undone: the same side takes writes as before.'
        : 'Its fence could not be reached to undo it: any live process reopens it once the switch is overdue.'
    super(
      'TWINSPAN_CUTOVER_ABORTED',
      `Cutover of "${migration}" to ${to} was given up at ${step}: ${why}. ${end}`,
      options,
    )
    this.to = to
    this.step = step
    this.aftermath = aftermath
  }
}

/** A certificate of convergence cannot be given: something is not zero, not known, or too old. */
export class CertificateRefusedError extends TwinspanError {
  override readonly name: string = 'CertificateRefusedError'
  /** One sentence each, without keys and values. */
  readonly reasons: readonly string[]

  constructor(migration: string, reasons: readonly string[]) {
    super('TWINSPAN_CERTIFICATE_REFUSED', `No certificate for "${migration}": ${reasons.join('; ')}.`)
    this.reasons = reasons
  }
}

/** An archive cannot be written or is not what it says. */
export class ArchiveError extends TwinspanError {
  override readonly name: string = 'ArchiveError'

  constructor(message: string, options?: ErrorOptions) {
    super('TWINSPAN_ARCHIVE', message, options)
  }
}
