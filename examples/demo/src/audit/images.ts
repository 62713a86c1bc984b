/**
 * One place and one account, put down field by field. Each database is read into these by SQL and code of the audit's own: it
 * shares no translation with the service, so a mistake there shows up as a difference here.
 */
export interface PlaceImage {
  readonly name: string
  readonly variants: readonly string[]
  readonly country: string
  readonly admin: string
  readonly municipalities: readonly string[]
  readonly feature: string
  readonly population: number
  readonly latitude: number
  readonly longitude: number
  readonly elevation: number | null
  readonly updated: number
}

export interface AccountImage {
  readonly email: string
  readonly name: string
  readonly active: boolean
  readonly joined: number
}

/** All rows of a database by their key. */
export interface Images {
  readonly place: ReadonlyMap<number, PlaceImage>
  readonly account: ReadonlyMap<number, AccountImage>
}
