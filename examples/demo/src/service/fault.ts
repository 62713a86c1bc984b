import { setTimeout as sleep } from 'node:timers/promises'
import type { Place, PlaceDraft, PlaceRepository } from '../domain/place.ts'

export type Fault = 'none' | 'error' | 'slow'

const SLOW_MS = 4_000

/** A repository with a bug in its reads that can be switched on: what a first deployment of new code is like. */
export class FaultyPlaces implements PlaceRepository {
  readonly #places: PlaceRepository
  fault: Fault = 'none'

  constructor(places: PlaceRepository) {
    this.#places = places
  }

  async findById(id: number): Promise<Place | undefined> {
    await this.#stumble()
    return this.#places.findById(id)
  }

  async listByCountry(country: string, after: number, limit: number): Promise<readonly Place[]> {
    await this.#stumble()
    return this.#places.listByCountry(country, after, limit)
  }

  create(draft: PlaceDraft): Promise<Place> {
    return this.#places.create(draft)
  }

  replace(id: number, draft: PlaceDraft): Promise<Place | undefined> {
    return this.#places.replace(id, draft)
  }

  remove(id: number): Promise<boolean> {
    return this.#places.remove(id)
  }

  async #stumble(): Promise<void> {
    if (this.fault === 'slow') await sleep(SLOW_MS)
    if (this.fault === 'error') throw new TypeError("Cannot read properties of null (reading 'region')")
  }
}
