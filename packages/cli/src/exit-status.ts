import type { ErrorCode } from '@twinspan/core'
import { UsageError } from './usage-error.ts'

/** How a command ended. */
export type Outcome = 'done' | 'blocked' | 'usage' | 'failed' | 'unsettled' | 'interrupted'

/** What the shell is told. */
export const EXIT_STATUS: Readonly<Record<Outcome, { readonly status: number; readonly means: string }>> = {
  done: { status: 0, means: 'done, and nothing to object' },
  blocked: { status: 1, means: 'blocked or drift: a gate is closed, a step refused, the sides differ' },
  usage: { status: 2, means: 'not understood: an option, the configuration' },
  failed: { status: 3, means: 'failed: a database does not answer, a switch was undone' },
  unsettled: { status: 4, means: 'unsettled: decided but not finished, or keys that never stood still' },
  interrupted: { status: 130, means: 'stopped by Ctrl-C at a safe point: the same command goes on' },
}

/** Errors that are no failure: something was asked for that cannot be had now, or at all. */
const OUTCOMES: Readonly<Partial<Record<ErrorCode, Outcome>>> = {
  TWINSPAN_INVALID_OPTION: 'usage',
  TWINSPAN_UNKNOWN_TABLE: 'usage',
  TWINSPAN_UNKNOWN_COLUMN: 'usage',
  TWINSPAN_MISSING_PRIMARY_KEY: 'usage',
  TWINSPAN_UNSUPPORTED_ENGINE: 'usage',
  TWINSPAN_PHASE_REFUSED: 'blocked',
  TWINSPAN_CUTOVER_BLOCKED: 'blocked',
  TWINSPAN_CERTIFICATE_REFUSED: 'blocked',
  TWINSPAN_TARGET_NOT_EMPTY: 'blocked',
  TWINSPAN_ROLLOUT_KILLED: 'blocked',
  TWINSPAN_JOB_CLAIMED: 'blocked',
}

export function outcomeOfError(error: unknown): Outcome {
  if (error instanceof UsageError) return 'usage'
  return OUTCOMES[codeOf(error) as ErrorCode] ?? 'failed'
}

/** The stable code of an error of ours, whichever copy of the library it comes from. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' && code.startsWith('TWINSPAN_') ? code : undefined
}
