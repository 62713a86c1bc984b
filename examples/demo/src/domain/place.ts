/** A populated place as the service speaks of it, whichever database it came from. */
export interface Place {
  readonly id: number
  readonly name: string
  readonly variants: readonly string[]
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly admin: string
  readonly feature: string
  readonly population: number
  readonly latitude: number
  readonly longitude: number
  readonly elevation: number | null
  /** Seconds since 1970. */
  readonly updatedAt: number
}

/** What a user may say about a place. */
export type PlaceDraft = Omit<Place, 'id' | 'updatedAt'>

export interface PlaceRepository {
  findById(id: number): Promise<Place | undefined>
  /** Ascending by id, starting after `after`. */
  listByCountry(country: string, after: number, limit: number): Promise<readonly Place[]>
  create(draft: PlaceDraft): Promise<Place>
  replace(id: number, draft: PlaceDraft): Promise<Place | undefined>
  /** Whether there was such a place. */
  remove(id: number): Promise<boolean>
}
