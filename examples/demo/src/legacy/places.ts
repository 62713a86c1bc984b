import type { Kysely, Selectable } from 'kysely'
import { nowSeconds } from '../domain/clock.ts'
import type { Place, PlaceDraft, PlaceRepository } from '../domain/place.ts'
import { joinPipes, splitPipes } from './pipes.ts'
import type { GazetteerTable, LegacySchema } from './schema.ts'

/** The repository that the service has always had. */
export class LegacyPlaces implements PlaceRepository {
  readonly #db: Kysely<LegacySchema>

  constructor(db: Kysely<LegacySchema>) {
    this.#db = db
  }

  async findById(id: number): Promise<Place | undefined> {
    const row = await this.#db.selectFrom('gazetteer').selectAll().where('place_no', '=', id).executeTakeFirst()
    return row && fromRow(row)
  }

  async listByCountry(country: string, after: number, limit: number): Promise<readonly Place[]> {
    const rows = await this.#db
      .selectFrom('gazetteer')
      .selectAll()
      .where('ctry_cd', '=', country)
      .where('place_no', '>', after)
      .orderBy('place_no')
      .limit(limit)
      .execute()
    return rows.map(fromRow)
  }

  async create(draft: PlaceDraft): Promise<Place> {
    const row = await this.#db
      .insertInto('gazetteer')
      .values({ ...toRow(draft), muni_cds: '' })
      .returningAll()
      .executeTakeFirstOrThrow()
    return fromRow(row)
  }

  async replace(id: number, draft: PlaceDraft): Promise<Place | undefined> {
    const row = await this.#db
      .updateTable('gazetteer')
      .set(toRow(draft))
      .where('place_no', '=', id)
      .returningAll()
      .executeTakeFirst()
    return row && fromRow(row)
  }

  async remove(id: number): Promise<boolean> {
    const result = await this.#db.deleteFrom('gazetteer').where('place_no', '=', id).executeTakeFirst()
    return result.numDeletedRows > 0n
  }
}

function toRow(draft: PlaceDraft): Omit<Selectable<GazetteerTable>, 'place_no' | 'muni_cds'> {
  return {
    place_nm: draft.name,
    alt_nms: joinPipes(draft.variants),
    lat: draft.latitude,
    lon: draft.longitude,
    ctry_cd: draft.country,
    adm_cd: draft.admin,
    feat_cd: draft.feature,
    popul: draft.population,
    elev_m: draft.elevation,
    upd_epoch: nowSeconds(),
  }
}

function fromRow(row: Selectable<GazetteerTable>): Place {
  return {
    id: row.place_no,
    name: row.place_nm,
    variants: splitPipes(row.alt_nms),
    country: row.ctry_cd,
    admin: row.adm_cd,
    feature: row.feat_cd,
    population: row.popul,
    latitude: row.lat,
    longitude: row.lon,
    elevation: row.elev_m,
    updatedAt: row.upd_epoch,
  }
}
