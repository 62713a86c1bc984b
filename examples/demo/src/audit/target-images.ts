import pg from 'pg'
import type { AccountImage, Images, PlaceImage } from './images.ts'

// Decomposed by the database, not by the service's code.
const PLACES = `
  select id, name, name_variants, substr(region, 1, 2) as country, substr(region, 4) as admin,
         municipality_codes, feature, population, (position->>'lat')::float8 as latitude,
         (position->>'lon')::float8 as longitude, elevation_m, extract(epoch from updated_at)::float8 as updated
  from places where id > $1 order by id limit $2`

const ACCOUNTS = `
  select id, email, concat(given_name || ' ', family_name) as name, is_active,
         extract(epoch from joined_at)::float8 as joined
  from users where id > $1 order by id limit $2`

const PAGE = 10_000

/** Everything in the target, read over a connection of its own. Nobody may write meanwhile. */
export async function readTargetImages(url: string): Promise<Images> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const place = new Map<number, PlaceImage>()
    for await (const row of pages(client, PLACES)) {
      place.set(row['id'], {
        name: row['name'],
        variants: row['name_variants'],
        country: row['country'],
        admin: row['admin'],
        municipalities: row['municipality_codes'],
        feature: row['feature'],
        population: row['population'],
        latitude: row['latitude'],
        longitude: row['longitude'],
        elevation: row['elevation_m'],
        updated: row['updated'],
      })
    }
    const account = new Map<number, AccountImage>()
    for await (const row of pages(client, ACCOUNTS)) {
      account.set(row['id'], {
        email: row['email'],
        name: row['name'],
        active: row['is_active'],
        joined: row['joined'],
      })
    }
    return { place, account }
  } finally {
    await client.end()
  }
}

// biome-ignore lint/suspicious/noExplicitAny: rows of SQL text have no type; the images give them one.
async function* pages(client: pg.Client, text: string): AsyncGenerator<Record<string, any>> {
  for (let after = 0; ; ) {
    const { rows } = await client.query(text, [after, PAGE])
    yield* rows
    if (rows.length < PAGE) return
    after = rows.at(-1).id
  }
}
