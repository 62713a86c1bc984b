import { StalePhaseError } from '@twinspan/core'
import { STALE } from './triggers.ts'

const DEPTH = 8

/** Whether an error is a fence's refusal, however ORMs and repositories wrapped it. */
export function isStalePhase(error: unknown): boolean {
  let current: unknown = error
  for (let depth = 0; depth < DEPTH && typeof current === 'object' && current !== null; depth++) {
    if (current instanceof StalePhaseError) return true
    const { message, cause } = current as { message?: unknown; cause?: unknown }
    if (typeof message === 'string' && message.includes(STALE)) return true
    current = cause
  }
  return false
}
