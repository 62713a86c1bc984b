import { sweepTable } from '@twinspan/reconcile'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import type { Engine } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { ROADS, type Row, type Shape, sweepAll, told, twoTables } from './two-tables.ts'

const POSTGRES = 'name text, amount numeric(12,4), made timestamptz, doc text'

const SHAPE: Shape = {
  types: {
    mariadb: 'name varchar(200), amount decimal(12,4), made datetime(6), doc text',
    sqlite: 'name text, amount numeric, made timestamp, doc text',
    postgres: POSTGRES,
    pglite: POSTGRES,
  },
  columns: ['name', 'amount', 'made', 'doc'],
}

const NOON = '2024-06-01 12:00:00'

function thing(id: number): Row {
  return { id, name: `Thing ${id}`, amount: '12.3456', made: `${NOON}.250000`, doc: `{"id":${id},"deep":{"a":1}}` }
}

/** What the target holds instead, and what has to be said of it. */
const PLANTED: readonly (readonly [Partial<Row> | null, string, string?, Partial<Row>?])[] = [
  [null, 'missing'],
  [{ name: 'Something else' }, 'value', 'name'],
  [{ amount: '12.34' }, 'precision', 'amount'],
  [{ made: NOON }, 'precision', 'made'],
  [{ name: '' }, 'null-vs-empty', 'name', { name: null }],
  [{ name: 'THING 5' }, 'case', 'name', { name: 'Thing 5' }],
  [{ name: 'Thing  ' }, 'padding', 'name', { name: 'Thing' }],
  [{ name: 'e\u0301' }, 'unicode-form', 'name', { name: '\u00e9' }],
  [{ doc: '{"b":1,"a":2}' }, 'json-order', 'doc', { doc: '{"a":2,"b":1}' }],
  [{ made: '2024-06-01 13:00:00.250000' }, 'timezone-shift', 'made'],
  [{ name: 'ZÃ¼rich' }, 'encoding', 'name', { name: 'Zürich' }],
  [{ name: '??' }, 'encoding', 'name', { name: '東京' }],
]

/** What a driver's `Date` does not know. */
const SUBTLE: typeof PLANTED = [[{ made: `${NOON}.250001` }, 'precision', 'made']]

const STEP = 7

async function plant(from: Engine, to: Engine, shape: Shape, differences: typeof PLANTED) {
  const made = await twoTables(from, to, shape)
  const rows = Array.from({ length: 300 }, (_, at) => ({ legacy: thing(at + 1), target: thing(at + 1) as Row | null }))
  for (const [at, [instead, , , before = {}]] of differences.entries()) {
    const id = (at + 1) * STEP
    const legacy = { ...thing(id), ...before }
    rows[id - 1] = { legacy, target: instead === null ? null : { ...legacy, ...instead } }
  }
  await made.legacy
    .insertInto('things')
    .values(rows.map(({ legacy }) => legacy))
    .execute()
  await made.target
    .insertInto('things')
    .values([...rows.flatMap(({ target }) => (target === null ? [] : [target])), { ...thing(1), id: 999 }])
    .execute()
  const expected = differences.map(([, reason, field], at) => [
    (at + 1) * STEP,
    reason,
    ...(field === undefined ? [] : [field]),
  ])
  return { made, expected: [...expected, [999, 'extra']] }
}

const FLAGS = {
  mariadb: 'name varchar(40), flag tinyint(1) not null',
  sqlite: 'name text, flag boolean not null',
  postgres: 'name text, flag boolean not null',
  pglite: 'name text, flag boolean not null',
}

const FLIPPED = [123, 877]
const FLAG_ROWS = Array.from({ length: 1_000 }, (_, at) => ({
  id: at + 1,
  name: `Name ${at}`,
  flag: at % 3 === 0 ? 1 : 0,
}))
const FLIPPED_ROWS = FLAG_ROWS.map((row) => (FLIPPED.includes(row.id) ? { ...row, flag: 1 - row.flag } : row))

for (const [from, to] of ROADS) {
  const missing = (await from.missing()) ?? (await to.missing())
  describe.skipIf(missing !== undefined)(
    `${from.name} to ${to.name}${missing === undefined ? '' : ` (${missing})`}`,
    { timeout: 90_000 },
    () => {
      it('tells why rows differ, whether it compares digests or reads every row', async () => {
        const { made, expected } = await plant(from, to, SHAPE, [...PLANTED, ...SUBTLE])
        const byDigest = await sweepAll(made)
        expect(byDigest.record.readsRowsBecause).toBeUndefined()
        expect(told(byDigest)).toEqual(expected)
        const byRow = await sweepAll(made, { digests: false })
        expect(byRow.record.readsRowsBecause).toBe('the caller wants every row read')
        expect(told(byRow)).toEqual(expected)
      })

      it('tells why rows differ where all is up to the translation', async () => {
        const { columns: _, ...shape } = SHAPE
        const { made, expected } = await plant(from, to, shape, PLANTED)
        const swept = await sweepAll(made)
        expect(swept.record.readsRowsBecause).toBe('the entity names no columns')
        expect(told(swept)).toEqual(expected)
      })

      it('two flipped flags among a thousand rows are found', async () => {
        const made = await twoTables(from, to, { types: FLAGS, columns: ['name', 'flag'] })
        await made.legacy.insertInto('things').values(FLAG_ROWS).execute()
        const booleans = FLIPPED_ROWS.map((row) => ({ ...row, flag: row.flag === 1 }))
        await made.target.insertInto('things').values(booleans).execute()
        const swept = await sweepAll(made)
        expect(swept.record.readsRowsBecause).toBeUndefined()
        expect(told(swept)).toEqual(FLIPPED.map((id) => [id, 'value', 'flag']))
      })

      const rawTarget = 'name text, made timestamptz'
      const rawShape: Shape = {
        types: {
          mariadb: 'name varchar(40), made datetime(3)',
          sqlite: 'name text, made timestamp',
          postgres: rawTarget,
          pglite: rawTarget,
        },
        columns: ['name', 'made'],
        // Lower case for a name that is no address, and two hours too many for a time that is UTC already.
        toTarget: (row) => ({
          ...row,
          name: String(row['name']).toLowerCase(),
          made: new Date(new Date(`${textOf(row['made'])}`).getTime() + 7_200_000).toISOString(),
        }),
      }

      it('a wrong translation is found by a raw sweep, and by no other', async () => {
        const made = await twoTables(from, to, rawShape)
        const ids = Array.from({ length: 30 }, (_, at) => at + 1)
        await made.legacy
          .insertInto('things')
          .values(ids.map((id) => ({ id, name: id === 9 ? 'plain' : `Name ${id}`, made: '2024-06-01 10:00:00.000' })))
          .execute()
        await made.target
          .insertInto('things')
          .values(
            ids.map((id) => ({ id, name: id === 9 ? 'plain' : `name ${id}`, made: '2024-06-01 12:00:00.000+00' })),
          )
          .execute()
        const normal = await sweepAll(made)
        expect(told(normal)).toEqual([])
        expect(normal.record.readsRowsBecause).toContain('the translation does more with column')
        const raw = await sweepAll(made, { raw: true })
        expect(raw.record).toMatchObject({
          drift: 30,
          raw: true,
          patterns: [
            { field: 'made', reason: 'timezone-shift', keys: 30, offset: 7_200 },
            { field: 'name', reason: 'case', keys: 29 },
          ],
        })
        expect(raw.findings.find(({ key }) => Number(key) === 9)?.fields).toEqual([
          { name: 'made', reason: 'timezone-shift' },
        ])
      })

      it('explains what many have in common', async () => {
        const made = await twoTables(from, to, SHAPE)
        const rows = Array.from({ length: 1_000 }, (_, at) => thing(at + 1))
        await made.legacy.insertInto('things').values(rows).execute()
        await made.target
          .insertInto('things')
          .values(rows.map((row, at) => (at < 412 ? { ...row, made: '2024-06-01 13:00:00.250000' } : row)))
          .execute()
        const { record } = await sweepAll(made)
        expect(record).toMatchObject({
          drift: 412,
          patterns: [{ field: 'made', reason: 'timezone-shift', keys: 412, offset: 3_600 }],
        })
        expect(sweepTable(record)).toContain('412 keys, all by +3600 s: made (timezone-shift)')
      })
    },
  )
}

const reason = await mariadb.missing()

describe.skipIf(reason !== undefined)(`mariadb to mariadb${reason === undefined ? '' : ` (${reason})`}`, () => {
  it('what an XOR of CRC32 calls identical is found', async () => {
    const made = await twoTables(mariadb, mariadb, { types: FLAGS, columns: ['name', 'flag'] })
    await made.legacy.insertInto('things').values(FLAG_ROWS).execute()
    await made.target.insertInto('things').values(FLIPPED_ROWS).execute()
    const checksum = async (db: typeof made.legacy): Promise<unknown> => {
      const { rows } = await sql`select count(*) as cnt, coalesce(lower(conv(bit_xor(cast(crc32(
        concat_ws('#', id, convert(name using utf8mb4), flag)) as unsigned)), 10, 16)), 0) as crc from things`.execute(
        db,
      )
      return rows[0]
    }
    expect(await checksum(made.target)).toEqual(await checksum(made.legacy))
    expect(told(await sweepAll(made))).toEqual(FLIPPED.map((id) => [id, 'value', 'flag']))
  })
})

function textOf(value: unknown): string {
  return value instanceof Date ? value.toISOString() : `${String(value).replace(' ', 'T')}Z`
}
