import Database from 'better-sqlite3'
import type { AccountImage, Images, PlaceImage } from './images.ts'

const PLACES = `
  select place_no, place_nm, alt_nms, ctry_cd, adm_cd, muni_cds, feat_cd, popul, lat, lon, elev_m, upd_epoch
  from gazetteer`

const ACCOUNTS = 'select member_no, mail, full_nm, stat_cd, join_epoch from members'

/** Everything in the SQLite file, read by itself in one transaction. */
export function readLegacyImages(file: string): Images {
  const database = new Database(file, { readonly: true })
  try {
    database.exec('begin')
    const place = new Map<number, PlaceImage>()
    for (const row of database.prepare(PLACES).raw().iterate() as Iterable<PlaceRow>) {
      const [
        id,
        name,
        variants,
        country,
        admin,
        municipalities,
        feature,
        population,
        latitude,
        longitude,
        elevation,
        updated,
      ] = row
      place.set(id, {
        name,
        variants: list(variants),
        country,
        admin,
        municipalities: list(municipalities),
        feature,
        population,
        latitude,
        longitude,
        elevation,
        updated,
      })
    }
    const account = new Map<number, AccountImage>()
    for (const row of database.prepare(ACCOUNTS).raw().iterate() as Iterable<AccountRow>) {
      const [id, email, name, status, joined] = row
      account.set(id, { email, name, active: status === 'A', joined })
    }
    return { place, account }
  } finally {
    database.close()
  }
}

type PlaceRow = [number, string, string, string, string, string, string, number, number, number, number | null, number]
type AccountRow = [number, string, string, string, number]

function list(text: string): string[] {
  return text.length === 0 ? [] : text.split('|')
}
