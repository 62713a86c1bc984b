import { type Entity, isOutage, StalePhaseError } from '@twinspan/core'

export type Place = 'legacy' | 'target' | 'store' | 'phase' | 'claim'

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
  return isOutage(error) ? new Outage(place, error) : undefined
}

/** About how many rows legacy has; 0 where its store cannot tell. */
export async function countLegacy(entity: Entity): Promise<number> {
  const count = await reach('legacy', async () => entity.legacy.count?.())
  return count?.rows ?? 0
}
