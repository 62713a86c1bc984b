import type { CanonicalForm, DigestColumn } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import fc from 'fast-check'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Engine, eachEngine } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'

const POSTGRES = [
  ...['smallint', 'integer', 'bigint', 'boolean', 'numeric', 'numeric(14,2)', 'numeric(3,3)', 'numeric(20)'],
  ...['double precision', 'real', 'text', 'varchar(20)', 'char(36)', 'char(5)', 'name', 'uuid', 'bytea', 'date'],
  ...['time', 'time(0)', 'timestamp', 'timestamp(3)', 'timestamp(0)', 'timestamptz', 'timestamptz(3)'],
]

/** Every type that has a form, as a column of each engine. */
const TYPES: Readonly<Record<Engine['name'], readonly string[]>> = {
  postgres: POSTGRES,
  pglite: POSTGRES,
  mariadb: [
    ...[
      'tinyint(1)',
      'tinyint unsigned',
      'smallint',
      'mediumint',
      'int',
      'int(8) zerofill',
      'bigint',
      'bigint unsigned',
    ],
    ...['year', 'bit(1)', 'bit(64)', 'decimal(16,4)', 'decimal(10)', 'decimal(3,3)', 'decimal(12,2) unsigned'],
    ...['float', 'double', 'double(10,3)', 'char(36)', 'char(5)', 'varchar(20)', 'varchar(400) character set utf16'],
    ...['text', 'longtext', 'uuid', 'binary(16)', 'binary(3)', 'varbinary(40)', 'blob', 'date', 'time', 'time(3)'],
    ...['datetime', 'datetime(6)', 'timestamp null', 'timestamp(6) null'],
  ],
  sqlite: [
    'integer',
    'bigint',
    'text',
    'varchar(20)',
    'real',
    'double',
    'blob',
    'boolean',
    'timestamp',
    'date',
    'numeric',
  ],
}

interface DB {
  readonly kinds: Record<string, unknown>
}

async function open(engine: Engine, types: readonly string[]) {
  const database = await engine.open<DB>()
  onTestFinished(() => database.close())
  const columns = types.map((type, at) => `c${at} ${type}${/ null$/.test(type) ? '' : at % 3 === 0 ? ' not null' : ''}`)
  await sql.raw(`create table kinds (id integer primary key, ${columns.join(', ')})`).execute(database.db)
  return { ...database, engine: engine.name, store: kyselySide(database.db).table('kinds', { key: 'id' }) }
}

/** A type of each side for one kind of value, and such values as text; bytes in hexadecimal. */
interface Kind {
  readonly from: string
  readonly to: string
  readonly values: fc.Arbitrary<string>
  /** What two texts of one value have in common. @default the text */
  readonly identity?: (text: string) => string
}

const whole = (bits: number, isUnsigned = false): fc.Arbitrary<string> => {
  const most = 2n ** BigInt(isUnsigned ? bits : bits - 1)
  const edges = fc.constantFrom(0n, 1n, most - 1n, most - 2n, ...(isUnsigned ? [] : [-1n, -most, 1n - most]))
  return fc.oneof(edges, fc.bigInt({ min: isUnsigned ? 0n : -most, max: most - 1n })).map(String)
}
const digits = (length: number): fc.Arbitrary<string> => fc.stringMatching(new RegExp(`^[0-9]{1,${length}}$`))
const decimal = (before: number, after: number): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom('', '-'), digits(before), digits(after)).map(([sign, a, b]) => `${sign}${a}.${b}`)
const sameNumber = (text: string): string => {
  const [, sign = '', a = '', b = ''] = /^(-?)0*(\d*)\.?(\d*?)0*$/.exec(text) ?? []
  return a + b === '' ? '0' : `${sign}${a}.${b}`
}
const double = fc
  .oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.tuple(fc.integer(), fc.integer({ min: -20, max: 20 })).map(([a, power]) => a * 10 ** power),
    fc.constantFrom(0, -0, 5e-324, Number.MAX_VALUE, 1e15, 1e16, 1234567890123456.8, 1e-4, 1e-5, 1e-15, 1e-16),
  )
  .filter((value) => Number.isFinite(value) && (value === 0 || Math.abs(value) > 1e-300))
  // Beyond 2^54 a value may lie in the middle between two doubles, and engines do not agree on whose shortest name it is.
  .filter((value) => Math.abs(value) < 2 ** 54 || Math.abs(value) > 1e40)
  .map((value) => (Object.is(value, -0) ? '-0' : String(value)))
const sameDouble = (text: string): string => String(Number(text) + 0)
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 10 }).map((value) => value.replaceAll('\0', '')),
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
    '🜁',
    'ß',
    'ẞ',
    'ss',
    '\\',
    "'",
  ),
)
const padded = (unit: fc.Arbitrary<string>): fc.Arbitrary<string> => unit.map((value) => value.slice(0, 5).trimEnd())
const bytes = fc.uint8Array({ maxLength: 8 }).map((value) => Buffer.from(value).toString('hex'))
const day = (from: string, to: string): fc.Arbitrary<string> =>
  fc
    .date({ min: new Date(from), max: new Date(to), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10))
const time = fc
  .tuple(fc.nat({ max: 86_399 }), fc.constantFrom('', '.5', '.000001', '.1', '.100000', '.999999'))
  .map(([s, fraction]) => `${new Date(s * 1_000).toISOString().slice(11, 19)}${fraction}`)
const moment = (from: string, to: string): fc.Arbitrary<string> =>
  fc.tuple(day(from, to), time).map((both) => both.join(' '))
const sameMoment = (value: string): string => value.replace(/(\.\d*?)0*$/, '$1')

const OVER_SERVERS: readonly Kind[] = [
  { from: 'int', to: 'integer', values: whole(32) },
  { from: 'bigint', to: 'bigint', values: whole(64) },
  { from: 'bigint unsigned', to: 'numeric(20)', values: whole(64, true) },
  { from: 'tinyint(1)', to: 'boolean', values: fc.constantFrom('0', '1') },
  { from: 'bit(1)', to: 'boolean', values: fc.constantFrom('0', '1') },
  { from: 'decimal(20,6)', to: 'numeric(22,8)', values: decimal(14, 6), identity: sameNumber },
  { from: 'double', to: 'double precision', values: double, identity: sameDouble },
  {
    from: 'float',
    to: 'real',
    values: fc
      .float({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 53), max: 2 ** 53 })
      .filter((v) => v === 0 || Math.abs(v) > 1e-30)
      .map(String),
    identity: sameDouble,
  },
  { from: 'varchar(40)', to: 'text', values: text },
  { from: 'char(5)', to: 'char(5)', values: padded(text) },
  { from: 'char(5)', to: 'text', values: padded(text) },
  { from: 'char(36)', to: 'uuid', values: fc.uuid() },
  { from: 'binary(16)', to: 'uuid', values: fc.uuid() },
  { from: 'varbinary(20)', to: 'bytea', values: bytes },
  { from: 'date', to: 'date', values: day('1000-01-01', '9999-12-31') },
  { from: 'time(6)', to: 'time', values: time, identity: sameMoment },
  { from: 'datetime(6)', to: 'timestamp', values: moment('1000-01-01', '9999-12-31'), identity: sameMoment },
  { from: 'timestamp(6)', to: 'timestamptz', values: moment('1971-01-01', '2037-12-31'), identity: sameMoment },
  { from: `enum('a','b','ö')`, to: 'text', values: fc.constantFrom('a', 'b', 'ö') },
]

const EMBEDDED: readonly Kind[] = [
  { from: 'integer', to: 'bigint', values: whole(64) },
  { from: 'boolean', to: 'boolean', values: fc.constantFrom('0', '1') },
  { from: 'numeric', to: 'numeric(14,4)', values: decimal(8, 4), identity: sameNumber },
  { from: 'real', to: 'double precision', values: double, identity: sameDouble },
  { from: 'text', to: 'text', values: text },
  { from: 'text', to: 'uuid', values: fc.uuid() },
  { from: 'blob', to: 'bytea', values: bytes },
  { from: 'date', to: 'date', values: day('1000-01-01', '9999-12-31') },
  { from: 'timestamp', to: 'timestamptz', values: moment('1000-01-01', '9999-12-31'), identity: sameMoment },
]

function literal(engine: Engine['name'], type: string, value: string | null): RawBuilder<unknown> {
  if (value === null) return sql`null`
  const isBytes = /^(varbinary|blob|bytea)/.test(type)
  if (engine === 'postgres' || engine === 'pglite') {
    const given = isBytes ? `\\x${value}` : type === 'timestamptz' ? `${value}+00` : value
    return sql`cast(${given}::text as ${sql.raw(type)})`
  }
  if (isBytes) return sql.raw(`x'${value}'`)
  if (type === 'binary(16)') return sql.raw(`x'${value.replaceAll('-', '')}'`)
  if (type === 'bit(1)') return sql.raw(`b'${value}'`)
  if (engine === 'mariadb') return sql`${value}`
  if (type === 'integer' || type === 'boolean') return sql`cast(${value} as integer)`
  return type === 'real' ? sql`cast(${value} as real)` : sql`${value}`
}

async function fill(
  db: Kysely<DB>,
  engine: Engine['name'],
  types: readonly string[],
  rows: readonly (readonly (string | null)[])[],
) {
  await sql`delete from kinds`.execute(db)
  const tuples = rows.map(
    (row, at) =>
      sql`(${sql.join([sql.lit(at), ...row.map((value, place) => literal(engine, types[place] ?? '', value))])})`,
  )
  await sql`insert into kinds values ${sql.join(tuples)}`.execute(db)
}

const ROWS = 40

for (const [from, to, kinds] of [
  [sqlite, pglite, EMBEDDED],
  [mariadb, postgres, OVER_SERVERS],
] as const) {
  const reason = (await from.missing()) ?? (await to.missing())
  describe.skipIf(reason !== undefined)(
    `${from.name} and ${to.name}${reason === undefined ? '' : ` (${reason})`}`,
    { timeout: 90_000 },
    () => {
      it('write the same value alike, and different ones differently, in every type', async () => {
        const left = await open(
          from,
          kinds.map((kind) => `${kind.from} null`),
        )
        const right = await open(
          to,
          kinds.map((kind) => `${kind.to} null`),
        )
        const [ours, theirs] = [await left.store.forms(), await right.store.forms()]
        const columns = kinds.map((kind, at): DigestColumn => {
          const name = `c${at}`
          const form = ours.get(name)?.forms.find((candidate) => theirs.get(name)?.forms.includes(candidate))
          if (form === undefined) throw new Error(`no form for ${kind.from} and ${kind.to}`)
          return { name, form, nullable: true }
        })
        const rowsOf = fc.array(fc.tuple(...kinds.map(({ values }) => fc.option(values, { freq: 12 }))), {
          minLength: ROWS,
          maxLength: ROWS,
        })
        await fc.assert(
          fc.asyncProperty(rowsOf, async (rows) => {
            await fill(
              left.db,
              left.engine,
              kinds.map((kind) => kind.from),
              rows,
            )
            await fill(
              right.db,
              right.engine,
              kinds.map((kind) => kind.to),
              rows,
            )
            const all = { limit: ROWS + 1 }
            const [mine, others] = [await left.store.written(all, columns), await right.store.written(all, columns)]
            for (const [place, kind] of kinds.entries()) {
              const wrote = mine.map(({ values }) => values[place])
              expect([kind.to, others.map(({ values }) => values[place])]).toEqual([kind.to, wrote])
              const identity = kind.identity ?? ((same) => same)
              const identities = rows.map((row) => (row[place] === null ? null : identity(row[place] as string)))
              for (const [at, value] of wrote.entries()) {
                expect(value === null).toBe(identities[at] === null)
                const firstText = wrote.indexOf(value)
                expect([kind.from, firstText]).toEqual([kind.from, identities.indexOf(identities[at] ?? null)])
              }
            }
            expect(await right.store.digest([{}], columns)).toEqual(await left.store.digest([{}], columns))
          }),
          { numRuns: 8, endOnFailure: true },
        )
      })
    },
  )
}

await eachEngine((engine) => {
  describe(`the forms of ${engine.name}`, () => {
    it('write every probe as they promise, in every type', async () => {
      const types = TYPES[engine.name]
      const { store } = await open(engine, types)
      const forms = await store.forms()
      const most = Math.max(...[...forms.values()].map((known) => known.forms.length))
      const tried = new Set<CanonicalForm>()
      for (let place = 0; place < most; place++) {
        const columns = [...forms].flatMap(([name, known]): DigestColumn[] => {
          const form = known.forms[place]
          // A UUID in a column that is too short for one is found out: below.
          if (form === undefined || (form === 'uuid' && /\((3|5|20)\)/.test(types[Number(name.slice(1))] ?? '')))
            return []
          tried.add(form)
          return [{ name, form, nullable: known.nullable }]
        })
        expect(await store.tryForms(columns)).toEqual([])
      }
      expect(tried.size).toBeGreaterThanOrEqual(9)
    })
  })
})

/** One connection: what is set in its session stays set. */
async function inSession<T>(
  db: Kysely<DB>,
  settings: readonly string[],
  work: (db: Kysely<DB>) => Promise<T>,
): Promise<T> {
  return db.connection().execute(async (one) => {
    for (const setting of settings) await sql.raw(setting).execute(one)
    return work(one)
  })
}

const textsOf = async (
  db: Kysely<DB>,
  columns: readonly DigestColumn[],
): Promise<readonly (readonly (string | null)[])[]> =>
  (await kyselySide(db).table('kinds', { key: 'id' }).written({ limit: 1_000 }, columns)).map(({ values }) => values)

const column = (name: string, form: CanonicalForm): DigestColumn => ({ name, form, nullable: true })

const noMariadb = await mariadb.missing()

describe.skipIf(noMariadb !== undefined)(`mariadb${noMariadb === undefined ? '' : ` (${noMariadb})`}`, () => {
  it('writes dates that are none as what they are, and never as NULL', async () => {
    const { db } = await open(
      mariadb,
      ['date', 'datetime null', 'timestamp null'].map((type) => type.replace(/^date$/, 'date null')),
    )
    const columns = [column('c0', 'date'), column('c1', 'datetime'), column('c2', 'instant')]
    await inSession(db, ["set sql_mode = ''", "set time_zone = '+02:00'"], async (one) => {
      await sql`insert into kinds values (1, '0000-00-00', '0000-00-00', '0000-00-00'), (2, '2024-00-00', '2024-02-00', null),
        (3, '1970-01-01', '1970-01-01', '1970-01-01 02:00:01')`.execute(one)
      expect(await textsOf(one, columns)).toEqual([
        ['0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'],
        ['2024-00-00', '2024-02-00 00:00:00', null],
        ['1970-01-01', '1970-01-01 00:00:00', '1970-01-01 00:00:01'],
      ])
    })
  })

  it('writes an instant alike in every time zone', async () => {
    const { db } = await open(mariadb, ['timestamp null', 'timestamp(6) null'])
    const columns = [column('c0', 'instant'), column('c1', 'instant')]
    await inSession(db, ["set time_zone = '+00:00'"], async (one) => {
      await sql`insert into kinds values (1, '2024-10-27 00:30:00', '2024-10-27 00:30:00.5'),
        (2, '2024-10-27 01:30:00', '2024-10-27 01:30:00.000001'), (3, '1971-01-01 00:00:00', '2037-12-31 23:59:59.999999')`.execute(
        one,
      )
    })
    const expected = [
      ['2024-10-27 00:30:00', '2024-10-27 00:30:00.5'],
      ['2024-10-27 01:30:00', '2024-10-27 01:30:00.000001'],
      ['1971-01-01 00:00:00', '2037-12-31 23:59:59.999999'],
    ]
    for (const zone of ['+00:00', '-07:00', '+05:45', 'SYSTEM']) {
      await inSession(db, [`set time_zone = '${zone}'`], async (one) => {
        expect([zone, await textsOf(one, columns)]).toEqual([zone, expected])
      })
    }
  })

  it('passes the trial of its forms in a strict session of another zone, and not in one that loses letters', async () => {
    const { db } = await open(mariadb, TYPES.mariadb)
    const settings = ["set sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE'", "set time_zone = '+05:45'"]
    await inSession(db, settings, async (one) => {
      const store = kyselySide(one).table('kinds', { key: 'id' })
      const columns = [...(await store.forms())].flatMap(
        ([
          name,
          {
            forms: [form],
            nullable,
          },
        ]): DigestColumn[] => (form === undefined ? [] : [{ name, form, nullable }]),
      )
      expect(await store.tryForms(columns)).toEqual([])
      await sql`set names latin1`.execute(one)
      const broken = (await store.tryForms(columns)).map(({ column: name }) => name)
      expect(broken).toEqual(columns.filter(({ form }) => form === 'text').map(({ name }) => name))
    })
  })
})

describe('pglite', { timeout: 90_000 }, () => {
  it('writes infinity and NaN as what they are, and never as NULL', async () => {
    const { db } = await open(
      pglite,
      ['double precision', 'real', 'numeric', 'timestamptz', 'date'].map((type) => `${type} null`),
    )
    await sql`insert into kinds values (1, 'NaN', 'NaN', 'NaN', 'infinity', 'infinity'), (2, 'Infinity', '-Infinity', 'Infinity', '-infinity', '-infinity')`.execute(
      db,
    )
    const columns = [
      column('c0', 'double'),
      column('c1', 'double'),
      column('c2', 'decimal'),
      column('c3', 'instant'),
      column('c4', 'date'),
    ]
    expect(await textsOf(db, columns)).toEqual([
      ['NaN', 'NaN', 'NaN', 'infinity', 'infinity'],
      ['Infinity', '-Infinity', 'Infinity', '-infinity', '-infinity'],
    ])
  })

  it.each([
    ["set datestyle = 'SQL, DMY'", ['c1', 'c2', 'c3'], 'c0'],
    ['set extra_float_digits = 0', ['c0'], 'c1'],
  ])('is found out in a session with %s', async (setting, broken, sound) => {
    const { db } = await open(
      pglite,
      ['double precision', 'date', 'timestamp', 'timestamptz'].map((type) => `${type} null`),
    )
    const columns = [column('c0', 'double'), column('c1', 'date'), column('c2', 'datetime'), column('c3', 'instant')]
    await inSession(db, [setting], async (one) => {
      const failures = await kyselySide(one).table('kinds', { key: 'id' }).tryForms(columns)
      const named = failures.flatMap(({ column: name }) => name ?? [])
      expect(named).toEqual(broken)
      expect(named).not.toContain(sound)
      // The digest itself refuses to work in such a session.
      expect(failures.at(-1)).toMatchObject({ column: undefined, reason: expect.stringContaining('no digest') })
    })
  })
})

describe('sqlite', () => {
  it('tells texts apart that are no UTF-8, and what is held by a column of another type', async () => {
    const { db, store } = await open(sqlite, ['text null', 'integer null', 'integer null', 'real null'])
    await sql`insert into kinds values (1, cast(x'61ff62' as text), '1' || char(31) || '2', 3, 'x'), (2, cast(x'61fe62' as text), 1, '2' || char(31) || '3', 1.5),
      (3, 'a' || char(65533) || 'b', 9223372036854775807, null, -0.0)`.execute(db)
    const columns = [column('c0', 'text'), column('c1', 'integer'), column('c2', 'integer'), column('c3', 'double')]
    const texts = await textsOf(db, columns)
    expect(new Set(texts.map(([first]) => first)).size).toBe(3)
    expect(texts[2]).toEqual(['a\ufffdb', '9223372036854775807', null, '0'])
    const digests = await store.digest([{ through: 1 }, { after: 1, through: 2 }], columns.slice(1, 3))
    expect(digests[0]?.digest).not.toBe(digests[1]?.digest)
    await sql`update kinds set c1 = char(1) || 'f' where id = 1`.execute(db)
    await sql`update kinds set c1 = char(31) where id = 2`.execute(db)
    const [first, second] = await textsOf(db, columns)
    expect(first?.[1]).not.toBe(second?.[1])
  })
})
