import { type Kysely, type Selectable, sql } from 'kysely'
import { nowSeconds } from '../domain/clock.ts'
import type { Place, PlaceDraft, PlaceRepository } from '../domain/place.ts'
import { joinRegion, splitRegion } from './regions.ts'
import type { PlacesTable, TargetSchema } from './schema.ts'

/** The same repository on the new schema. */
export class TargetPlaces implements PlaceRepository {
  readonly #db: Kysely<TargetSchema>

  constructor(db: Kysely<TargetSchema>) {
    this.#db = db
  }

  async findById(id: number): Promise<Place | undefined> {
    const row = await this.#db.selectFrom('places').selectAll().where('id', '=', id).executeTakeFirst()
    return row && fromRow(row)
  }

  async listByCountry(country: string, after: number, limit: number): Promise<readonly Place[]> {
    const rows = await this.#db
      .selectFrom('places')
      .selectAll()
      .where(sql`left(region, 2)`, '=', country)
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map(fromRow)
  }

  async create(draft: PlaceDraft): Promise<Place> {
    const row = await this.#db.insertInto('places').values(toRow(draft)).returningAll().executeTakeFirstOrThrow()
    return fromRow(row)
  }

  async replace(id: number, draft: PlaceDraft): Promise<Place | undefined> {
    const row = await this.#db
      .updateTable('places')
      .set(toRow(draft))
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst()
    return row && fromRow(row)
  }

  async remove(id: number): Promise<boolean> {
    const result = await this.#db.deleteFrom('places').where('id', '=', id).executeTakeFirst()
    return result.numDeletedRows > 0n
  }
}

function toRow(draft: PlaceDraft) {
  return {
    name: draft.name,
    name_variants: JSON.stringify(draft.variants),
    position: JSON.stringify({ lat: draft.latitude, lon: draft.longitude }),
    region: joinRegion(draft),
    feature: draft.feature,
    population: draft.population,
    elevation_m: draft.elevation,
    updated_at: new Date(nowSeconds() * 1000),
  }
}

function fromRow(row: Selectable<PlacesTable>): Place {
  return {
    id: row.id,
    name: row.name,
    variants: row.name_variants,
    ...splitRegion(row.region),
    feature: row.feature,
    population: row.population,
    latitude: row.position.lat,
    longitude: row.position.lon,
    elevation: row.elevation_m,
    updatedAt: row.updated_at.getTime() / 1000,
  }
}
