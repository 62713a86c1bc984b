import { FenceTimeoutError, StalePhaseError, TimeoutError, TwinspanError, UnavailableError } from '@twinspan/core'

export type Place = 'legacy' | 'target' | 'store' | 'phase'

/** Something did not answer. The caller pauses and tries again, and throws `cause` when its patience is over. */
export class Outage extends Error {
  override readonly name = 'Outage'
  readonly place: Place

  constructor(place: Place, cause: unknown) {
    super(`${place} does not answer`, { cause })
    this.place = place
  }
}

/** Runs `work` on `place`; a failure that may pass is thrown as an `Outage`. */
export async function reach<T>(place: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw outageOf(place, error) ?? error
  }
}

export function outageOf(place: Place, error: unknown): Outage | undefined {
  if (error instanceof Outage) return error
  if (error instanceof StalePhaseError) return new Outage('phase', error)
  return isFault(error) ? undefined : new Outage(place, error)
}

/** What waiting does not mend: a refusal of our own, or a bug in the code that was called. */
function isFault(error: unknown): boolean {
  if (error instanceof UnavailableError || error instanceof TimeoutError || error instanceof FenceTimeoutError) {
    return false
  }
  return (
    error instanceof TwinspanError ||
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof SyntaxError
  )
}
