import type { Place } from '../domain/place.ts'

export interface Known {
  readonly id: number
  readonly country: string
}

/** What the visitors know of the service's contents: enough to tell a wrong answer from a right one. */
export class World {
  /** Places that everybody reads. */
  readonly places: Known[] = []
  /** Places that everybody edits at once. Nobody deletes them. */
  readonly shared: Known[] = []
  /** Places that are deleted, or may be: a 404 for one of them is no surprise. */
  readonly gone: Set<number> = new Set()

  learn(places: readonly Place[]): void {
    for (const { id, country } of places) this.places.push({ id, country })
  }
}
