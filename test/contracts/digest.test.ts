import type { DigestColumn } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import fc from 'fast-check'
import { type Kysely, sql } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Engine, eachEngine } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'

/** A row as no engine has it. */
interface Sample {
  readonly small: number | null
  readonly amount: string | null
  readonly ratio: number | null
  readonly active: boolean | null
  readonly title: string | null
  readonly body: string
  readonly moment: Date | null
  readonly token: string | null
  readonly raw: Uint8Array | null
}

const NAMES = ['id', 'small', 'amount', 'ratio', 'active', 'title', 'body', 'moment', 'token', 'raw'] as const

const POSTGRES = `id bigint primary key, small integer, amount numeric(14,2), ratio double precision, active boolean,
  title varchar(200), body text not null, moment timestamptz(3), token uuid, raw bytea`

const COLUMNS: Readonly<Record<Engine['name'], string>> = {
  postgres: POSTGRES,
  pglite: POSTGRES,
  mariadb: `id bigint primary key, small int, amount decimal(16,4), ratio double, active tinyint(1),
    title varchar(200), body text not null, moment datetime(6), token char(36), raw varbinary(40)`,
  sqlite: `id integer primary key, small integer, amount numeric, ratio real, active boolean,
    title varchar(200), body text not null, moment timestamp, token text, raw blob`,
}

interface DB {
  readonly samples: Record<string, unknown>
}

interface LongDB {
  readonly samples_of_length: { readonly id: number; readonly body: string }
}

/** The texts that a careless encoding confuses. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.replaceAll('\0', '')),
  fc.constantFrom(
    '',
    ' ',
    'a',
    'a ',
    'A',
    'ä',
    'a\u0308',
    '\u001e',
    '\u001f',
    '1\u001f2',
    '\u001f\u001e',
    '0',
    '🜁',
    'ß',
    '\n',
    "'",
  ),
)

/** Above 2^54 engines choose different shortest digits for some doubles; their bits are the same. */
const sampleOf = (bits: boolean): fc.Arbitrary<Sample> =>
  fc.record({
    small: fc.option(fc.integer({ min: -2_147_483_648, max: 2_147_483_647 })),
    amount: fc.option(fc.integer({ min: -99_999_999, max: 99_999_999 }).map((cents) => (cents / 100).toFixed(2))),
    ratio: fc
      .option(fc.double({ noNaN: true, noDefaultInfinity: true, ...(bits ? {} : { min: -1e14, max: 1e14 }) }))
      .map((value) => (value === 0 ? 0 : value)),
    active: fc.option(fc.boolean()),
    title: fc.option(text),
    body: text,
    moment: fc.option(fc.integer({ min: 0, max: 4_102_444_800_000 }).map((ms) => new Date(ms))),
    token: fc.option(fc.uuid()),
    raw: fc.option(fc.uint8Array({ maxLength: 8 })),
  })

function written(engine: Engine['name'], row: Sample): Record<string, unknown> {
  const raw = row.raw === null ? null : Buffer.from(row.raw)
  if (engine === 'postgres' || engine === 'pglite') return { ...row, raw }
  const active = row.active === null ? null : Number(row.active)
  if (engine === 'mariadb') return { ...row, active, raw }
  return { ...row, active, raw, moment: row.moment?.toISOString() ?? null }
}

async function open(engine: Engine) {
  const database = await engine.open<DB>()
  onTestFinished(() => database.close())
  const { db } = database
  await sql.raw(`create table samples (${COLUMNS[engine.name]})`).execute(db)
  const store = kyselySide(db).table('samples', { key: 'id' })
  return { db, store, engine: engine.name }
}

type Opened = Awaited<ReturnType<typeof open>>

async function fill(
  { db, engine }: { db: Kysely<DB>; engine: Engine['name'] },
  rows: readonly Sample[],
): Promise<void> {
  await db.deleteFrom('samples').execute()
  for (const [at, row] of rows.entries()) {
    await db
      .insertInto('samples')
      .values({ id: at + 1, ...written(engine, row) })
      .execute()
  }
}

/** The columns in the first form that both engines can write, and doubles as their bits or not. */
async function agreed(left: Opened, right: Opened, bits: boolean): Promise<readonly DigestColumn[]> {
  const [ours, theirs] = [await left.store.forms(), await right.store.forms()]
  return NAMES.map((name) => {
    const form = ours.get(name)?.forms.find((candidate) => theirs.get(name)?.forms.includes(candidate))
    if (form === undefined) throw new Error(`no form for ${name}`)
    const column = { name, form, nullable: name !== 'id' && name !== 'body' }
    const haveBits = ours.get(name)?.bits === true && theirs.get(name)?.bits === true
    expect(haveBits).toBe(form === 'double')
    return haveBits && bits ? { ...column, bits } : column
  })
}

/** What a digest takes of a double. */
const DOUBLES: readonly (readonly [string, boolean])[] = [
  ['bits', true],
  ['digits', false],
]

const ROADS: readonly (readonly [Engine, Engine])[] = [
  [sqlite, pglite],
  [mariadb, postgres],
]

for (const [from, to] of ROADS) {
  const reason = (await from.missing()) ?? (await to.missing())
  describe.skipIf(reason !== undefined)(
    `${from.name} and ${to.name}${reason === undefined ? '' : ` (${reason})`}`,
    { timeout: 90_000 },
    () => {
      it.each(DOUBLES)(
        'make the same digest of the same rows, and another of any other, doubles as %s',
        async (_, bits) => {
          const left = await open(from)
          const right = await open(to)
          const columns = await agreed(left, right, bits)
          const sample = sampleOf(bits)
          await fc.assert(
            fc.asyncProperty(
              fc.array(sample, { minLength: 1, maxLength: 5 }),
              sample,
              fc.nat(),
              async (rows, other, at) => {
                await fill(left, rows)
                await fill(right, rows)
                const [digest] = await left.store.digest([{}], columns)
                expect(await right.store.digest([{}], columns)).toEqual([digest])

                const victim = at % rows.length
                const name = NAMES[1 + (at % (NAMES.length - 1))] as keyof Sample
                const changed = rows.with(victim, { ...(rows[victim] as Sample), [name]: other[name] })
                const isSame = JSON.stringify(changed) === JSON.stringify(rows)
                for (const side of [left, right]) {
                  await fill(side, changed)
                  const [after] = await side.store.digest([{}], columns)
                  expect(after?.digest === digest?.digest).toBe(isSame)
                }
              },
            ),
            { numRuns: 60 },
          )
        },
      )
    },
  )
}

await eachEngine((engine) => {
  describe(`digests on ${engine.name}`, () => {
    it('cover a stretch, and say where the next one begins', async () => {
      const { db, store } = await open(engine)
      const columns: readonly DigestColumn[] = [
        { name: 'id', form: 'integer', nullable: false },
        { name: 'body', form: 'text', nullable: false },
      ]
      const rows = Array.from({ length: 10 }, (_, at) => ({ id: at + 1, body: `row ${at}` }))
      await db.insertInto('samples').values(rows).execute()

      expect(await store.keyAt({}, 4)).toEqual(expect.toSatisfy((key) => Number(key) === 4))
      expect(await store.keyAt({ after: 8 }, 4)).toBeUndefined()
      const stretches = [{ through: 4 }, { after: 4, through: 8 }, { after: 8 }, { after: 10 }]
      const digests = await store.digest(stretches, columns)
      expect(digests.map((leaf) => leaf.rows)).toEqual([4, 4, 2, 0])
      expect(digests[3]).toEqual({ rows: 0, digest: '' })
      expect(new Set(digests.map((leaf) => leaf.digest)).size).toBe(4)
      expect(await store.digest([{ after: 4, through: 8 }], columns)).toEqual([digests[1]])
    })

    it('are not cut off where the rows are long', async () => {
      const { db } = await open(engine)
      const type = engine.name === 'mariadb' ? 'longtext' : 'text'
      await sql.raw(`create table samples_of_length (id integer primary key, body ${type} not null)`).execute(db)
      const store = kyselySide(db as unknown as Kysely<LongDB>).table('samples_of_length', { key: 'id' })
      const columns: readonly DigestColumn[] = [{ name: 'body', form: 'text', nullable: false }]
      // More than what MariaDB puts into one packet by default: 16 MB.
      const [mb, count] = engine.name === 'mariadb' ? [4, 5] : [1, 2]
      for (let id = 1; id <= count; id++) {
        await sql`insert into samples_of_length values (${id}, ${'x'.repeat(mb * 1_000_000)})`.execute(db)
      }
      const [before] = await store.digest([{}], columns)
      await sql`update samples_of_length set body = ${`${'x'.repeat(mb * 1_000_000 - 1)}y`} where id = ${count}`.execute(
        db,
      )
      const [after] = await store.digest([{}], columns)
      expect(after?.rows).toBe(count)
      expect(after?.digest).not.toBe(before?.digest)
    })

    it('tell long rows apart by their last byte, beside short ones', async () => {
      const { db, store } = await open(engine)
      const columns: readonly DigestColumn[] = [
        { name: 'id', form: 'integer', nullable: false },
        { name: 'body', form: 'text', nullable: false },
      ]
      const bodies = (last: string): string[][] => [
        ['a', 'b', 'x'.repeat(2_000) + last, 'd', 'e', 'f'],
        ['a', 'b', 'x'.repeat(2_000) + last, 'd', 'x'.repeat(600) + last, 'f'],
        ['a', 'b', 'c', 'd', 'e', last],
      ]
      const stretches = [{ through: 2 }, { after: 2, through: 4 }, { after: 4 }]
      const digestsWith = async (last: string): Promise<(string | undefined)[][]> => {
        const made: (string | undefined)[][] = []
        for (const some of bodies(last)) {
          await db.deleteFrom('samples').execute()
          await db
            .insertInto('samples')
            .values(some.map((body, at) => ({ id: at + 1, body })))
            .execute()
          const digests = await store.digest(stretches, columns)
          expect(digests.map(({ rows }) => rows)).toEqual([2, 2, 2])
          made.push(digests.map(({ digest }) => digest))
        }
        return made
      }
      const before = await digestsWith('y')
      const [first, second, third] = before
      const [other, another, last] = await digestsWith('z')
      const differ = (left?: (string | undefined)[], right?: (string | undefined)[]) =>
        left?.map((digest, at) => digest !== right?.[at])
      expect(differ(first, other)).toEqual([false, true, false])
      expect(differ(second, another)).toEqual([false, true, true])
      expect(differ(third, last)).toEqual([false, false, true])
      // Where long rows are met often they are expected, and short ones have the same digest as ever.
      await db
        .updateTable('samples')
        .set({ body: 'x'.repeat(2_000) })
        .execute()
      for (let time = 0; time < 20; time++) await store.digest(stretches, columns)
      expect(await digestsWith('y')).toEqual(before)
    })

    it('tell rows of every length about half a kilobyte apart by their last character', async () => {
      const { db, store } = await open(engine)
      const columns: readonly DigestColumn[] = [{ name: 'body', form: 'text', nullable: false }]
      const lengths = Array.from({ length: 40 }, (_, at) => 480 + at)
      const digestsWith = async (last: string): Promise<readonly (string | undefined)[]> => {
        await db.deleteFrom('samples').execute()
        const rows = lengths.map((length, at) => ({ id: at + 1, body: `${'x'.repeat(length - 1)}${last}` }))
        await db.insertInto('samples').values(rows).execute()
        const digests: (string | undefined)[] = []
        for (const { id } of rows)
          digests.push((await store.digest([{ after: id - 1, through: id }], columns))[0]?.digest)
        return digests
      }
      const all = [...(await digestsWith('y')), ...(await digestsWith('é'))]
      expect(new Set(all).size).toBe(2 * lengths.length)
    })

    it.each(DOUBLES)('take minus zero for zero, doubles as %s', async (_, bits) => {
      const { db, store } = await open(engine)
      const columns: readonly DigestColumn[] = [{ name: 'ratio', form: 'double', nullable: true, bits }]
      const digests: (string | undefined)[] = []
      for (const value of ['-0', '0', '-1']) {
        await sql`delete from samples`.execute(db)
        await sql`insert into samples (id, body, ratio) values (1, '', ${value})`.execute(db)
        digests.push((await store.digest([{}], columns))[0]?.digest)
      }
      expect(digests[0]).toBe(digests[1])
      expect(digests[2]).not.toBe(digests[1])
    })

    if (engine.name !== 'sqlite') return
    it('tell what a column of doubles holds from a double', async () => {
      const { db, store } = await open(engine)
      const columns: readonly DigestColumn[] = [{ name: 'ratio', form: 'double', nullable: true, bits: true }]
      const digests = new Set<string | undefined>()
      const values = [1.5, Buffer.from('3ff8000000000000', 'hex'), 'x', -0]
      for (const value of values) {
        await sql`insert or replace into samples (id, body, ratio) values (1, '', ${value})`.execute(db)
        digests.add((await store.digest([{}], columns))[0]?.digest)
      }
      expect(digests.size).toBe(values.length)
      await sql`update samples set ratio = 0`.execute(db)
      expect(digests).toContain((await store.digest([{}], columns))[0]?.digest)
    })
  })
})
