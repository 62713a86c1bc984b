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

const sample: fc.Arbitrary<Sample> = fc.record({
  small: fc.option(fc.integer({ min: -2_147_483_648, max: 2_147_483_647 })),
  amount: fc.option(fc.integer({ min: -99_999_999, max: 99_999_999 }).map((cents) => (cents / 100).toFixed(2))),
  ratio: fc
    .option(fc.double({ min: -1e14, max: 1e14, noNaN: true }).filter((value) => value === 0 || Math.abs(value) > 1e-3))
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

/** The columns in the first form that both engines can write. */
async function agreed(left: Opened, right: Opened): Promise<readonly DigestColumn[]> {
  const [ours, theirs] = [await left.store.forms(), await right.store.forms()]
  return NAMES.map((name) => {
    const form = ours.get(name)?.forms.find((candidate) => theirs.get(name)?.forms.includes(candidate))
    if (form === undefined) throw new Error(`no form for ${name}`)
    return { name, form, nullable: name !== 'id' && name !== 'body' }
  })
}

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
      it('make the same digest of the same rows, and another of any other', async () => {
        const left = await open(from)
        const right = await open(to)
        const columns = await agreed(left, right)
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
      })
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
      const { db, store } = await open(engine)
      const columns: readonly DigestColumn[] = [{ name: 'body', form: 'text', nullable: false }]
      for (let id = 1; id <= 4; id++)
        await db
          .insertInto('samples')
          .values({ id, body: 'x'.repeat(50_000) })
          .execute()
      const [before] = await store.digest([{}], columns)
      await db
        .updateTable('samples')
        .set({ body: `${'x'.repeat(49_999)}y` })
        .where('id', '=', 4)
        .execute()
      const [after] = await store.digest([{}], columns)
      expect(after?.rows).toBe(4)
      expect(after?.digest).not.toBe(before?.digest)
    })
  })
})
