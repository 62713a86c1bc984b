import { reconcile } from '@twinspan/reconcile'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { mariadb } from '../support/mariadb.ts'
import { postgres } from '../support/postgres.ts'
import { type Row, type Shape, sweepAll, told, twoTables } from './two-tables.ts'

const reason = (await mariadb.missing()) ?? (await postgres.missing())

describe.skipIf(reason !== undefined)(`mariadb and postgres${reason === undefined ? '' : ` (${reason})`}`, () => {
  const shape: Shape = {
    types: {
      mariadb: `ratio float, wide double, born timestamp(6) null, day date, code char(8), flag bit(8), large bigint unsigned,
        exact decimal(30,10), made year`,
      postgres: `ratio real, wide double precision, born timestamptz, day date, code char(8), flag smallint,
        large numeric(20), exact numeric(30,10), made smallint`,
    },
    columns: ['ratio', 'wide', 'born', 'day', 'code', 'flag', 'large', 'exact', 'made'],
  }
  const row = (id: number): Row => ({
    id,
    ratio: id / 7,
    wide: [1e-5 / id, id * 1e14 + 0.5, -0, 1e300 / id, 69295522044706820][id % 5],
    born: `2024-10-27 00:30:00.${String(100_000 + id)}`,
    day: '1582-10-14',
    code: `c${id}`,
    flag: id % 200,
    large: String(18_446_744_073_709_551_615n - BigInt(id)),
    exact: `12345678901234567890.${String(1_000_000_000 + id)}`,
    made: id % 9 === 0 ? 0 : 1_999,
  })

  async function filled(change: (row: Row) => Row = (same) => same) {
    const made = await twoTables(mariadb, postgres, shape)
    const rows = Array.from({ length: 400 }, (_, at) => row(at + 1))
    const spelled = (one: Row): Row => ({ ...one, ratio: String(one['ratio']), wide: String(one['wide']) })
    await sql`set time_zone = '+00:00'`.execute(made.legacy)
    await made.legacy.insertInto('things').values(rows.map(spelled)).execute()
    await made.target.insertInto('things').values(rows.map(change).map(spelled)).execute()
    return made
  }

  it('hold the same where their drivers hand out different values, by digests and by rows', async () => {
    const made = await filled()
    for (const digests of [true, false]) {
      const swept = await sweepAll(made, { digests })
      expect(told(swept)).toEqual([])
      expect(swept.record.warnings).toBeUndefined()
      expect(swept.record.readsRowsBecause).toBe(digests ? undefined : 'the caller wants every row read')
    }
  })

  it('differ where their drivers hand out the same values', async () => {
    const planted: Readonly<Record<number, readonly [Row, string]>> = {
      40: [{ born: '2024-10-27 00:30:00.100041' }, 'precision'],
      80: [{ large: String(18_446_744_073_709_551_615n - 81n) }, 'value'],
      120: [{ exact: '12345678901234567890.1000000121' }, 'value'],
      160: [{ wide: 1e-5 / 160 + 1e-21 }, 'precision'],
    }
    const made = await filled((one) => ({ ...one, ...planted[Number(one['id'])]?.[0] }))
    for (const digests of [true, false]) {
      const found = told(await sweepAll(made, { digests }))
      expect(found.map(([id]) => id)).toEqual([40, 80, 120, 160])
      expect(found.map((one) => one[2])).toEqual(['born', 'large', 'exact', 'wide'])
    }
    const options = { size: 1_000, recheckMs: [0, 1], reveal: 'values' } as const
    const sampled = await reconcile.sample(made.migration, made.entity, options)
    expect(sampled).toMatchObject({ compared: 400, mismatched: 4 })
    // Where two drivers hand out the same, what is revealed is what differs.
    expect(sampled.findings.find(({ fields }) => fields[0]?.name === 'born')?.values).toEqual({
      born: { expected: '2024-10-27 00:30:00.10004', actual: '2024-10-27 00:30:00.100041' },
    })
  })
})

describe.skipIf(reason !== undefined)(`a date that is none${reason === undefined ? '' : ` (${reason})`}`, () => {
  it('is found with its column, whatever stands in its place', async () => {
    const made = await twoTables(mariadb, postgres, {
      types: { mariadb: 'day date, made datetime', postgres: 'day date, made timestamptz' },
      columns: ['day', 'made'],
    })
    await made.legacy.connection().execute(async (one) => {
      await sql`set sql_mode = ''`.execute(one)
      await sql`insert into things values (1, '0000-00-00', '2024-01-01'), (2, '2024-02-03', '0000-00-00 00:00:00'),
        (3, '2024-00-00', null), (4, null, null)`.execute(one)
    })
    await sql`insert into things values (1, null, '2024-01-01 00:00Z'), (2, '2024-02-03', '1970-01-01 00:00Z'),
      (3, '2024-01-01', null), (4, null, null)`.execute(made.target)
    for (const digests of [true, false]) {
      expect(told(await sweepAll(made, { digests }))).toEqual([
        [1, 'value', 'day'],
        [2, 'value', 'made'],
        [3, 'value', 'day'],
      ])
    }
  })
})
