import type { Selectable } from 'kysely'
import { joinPipes, splitPipes } from '../legacy/pipes.ts'
import type { GazetteerTable, MembersTable } from '../legacy/schema.ts'
import { joinName, splitName } from '../target/names.ts'
import { joinRegion, splitRegion } from '../target/regions.ts'
import type { PlacesTable, UsersTable } from '../target/schema.ts'

type LegacyPlace = Selectable<GazetteerTable>
type TargetPlace = Selectable<PlacesTable>

// The password stays behind: it moves when its owner logs in.
type Member = Omit<Selectable<MembersTable>, 'passwd'>
type User = Selectable<UsersTable>

export function placeToTarget(row: LegacyPlace): TargetPlace {
  return {
    id: row.place_no,
    name: row.place_nm,
    name_variants: splitPipes(row.alt_nms),
    position: { lat: row.lat, lon: row.lon },
    region: joinRegion({ country: row.ctry_cd, admin: row.adm_cd }),
    municipality_codes: splitPipes(row.muni_cds),
    feature: row.feat_cd,
    population: row.popul,
    elevation_m: row.elev_m,
    updated_at: new Date(row.upd_epoch * 1000),
  }
}

export function placeToLegacy(row: TargetPlace): LegacyPlace {
  const { country, admin } = splitRegion(row.region)
  return {
    place_no: row.id,
    place_nm: row.name,
    alt_nms: joinPipes(row.name_variants),
    lat: row.position.lat,
    lon: row.position.lon,
    ctry_cd: country,
    adm_cd: admin,
    muni_cds: joinPipes(row.municipality_codes),
    feat_cd: row.feature,
    popul: row.population,
    elev_m: row.elevation_m,
    upd_epoch: row.updated_at.getTime() / 1000,
  }
}

export function memberToTarget(row: Member): User {
  return {
    id: row.member_no,
    email: row.mail,
    ...splitName(row.full_nm),
    is_active: row.stat_cd === 'A',
    joined_at: new Date(row.join_epoch * 1000),
  }
}

export function memberToLegacy(row: User): Member {
  return {
    member_no: row.id,
    mail: row.email,
    full_nm: joinName(row),
    stat_cd: row.is_active ? 'A' : 'P',
    join_epoch: row.joined_at.getTime() / 1000,
  }
}
