import { FenceTimeoutError, TimeoutError, TwinspanError, UnavailableError } from './errors.ts'

/** Whether an error may pass by waiting. It does not where it is a refusal of ours, or a bug in the code that was called. */
export function isOutage(error: unknown): boolean {
  if (error instanceof UnavailableError || error instanceof TimeoutError || error instanceof FenceTimeoutError)
    return true
  const isFault =
    error instanceof TwinspanError ||
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof SyntaxError
  return !isFault
}
