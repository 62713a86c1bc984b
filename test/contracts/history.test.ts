import { backfill } from '@twinspan/backfill'
import { createMigration, defineEntity, type Entity, type Migration, type SweepRecord } from '@twinspan/core'
import { createMirror, type Mirror } from '@twinspan/dual-write'
import { kyselySide } from '@twinspan/kysely'
import { type Finding, reconcile, type SweepOptions } from '@twinspan/reconcile'
import { type Kysely, sql } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Engine, OpenDatabase } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'

/** What moves from where to where, in tests that need both ends. */
const ROADS: readonly (readonly [Engine, Engine])[] = [
  [sqlite, pglite],
  [mariadb, postgres],
  [postgres, mariadb],
  [postgres, postgres],
]

interface Account {
  id: number | string
  name: string
  amount: string | number
  ratio: number | null
  active: boolean | number
  created: Date | string | number
  note: string | null
  tags: unknown
}

interface Code {
  code: string
  part: number
  label: string
}

interface DB {
  accounts: Account
  codes: Code
}

/** The same columns as each engine would have them. */
const COLUMNS: Readonly<Record<Engine['name'], string>> = {
  sqlite: `id integer primary key, name text not null, amount text, ratio real, active integer, created integer,
    note text, tags text`,
  pglite: `id bigint primary key, name text not null, amount numeric(14,2), ratio float8, active boolean,
    created timestamptz(3), note text, tags jsonb`,
  postgres: `id bigint primary key, name text not null, amount numeric(14,2), ratio float8, active boolean,
    created timestamptz(3), note text, tags jsonb`,
  mariadb: `id bigint primary key, name varchar(200) not null, amount decimal(14,2), ratio double, active tinyint(1),
    created datetime(3), note text, tags json`,
}

const CODES = 'code varchar(50) not null, part integer not null, label varchar(50), primary key (code, part)'

/** Every engine is given, and gives back, its own types: what an application's translation would write. */
function translate(to: Engine): (row: Account) => Account {
  return (row) => {
    const created = new Date(row.created)
    return {
      ...row,
      amount: String(row.amount),
      active: to === sqlite || to === mariadb ? Number(row.active) : Boolean(row.active),
      created: to === sqlite ? created.getTime() : created,
      tags: typeof row.tags === 'string' ? row.tags : JSON.stringify(row.tags),
    }
  }
}

const WORDS = ['Zürich', 'Łódź', '東京', 'O\'ahu \\ "quoted"', '🛤️ tab\tnew\nline', ' padded ', '', 'NULL']

function account(at: number, version = 0): Account {
  return {
    id: at * 7 + (at % 3),
    name: `${WORDS[at % WORDS.length]} ${at}`,
    amount: `${at * 3 - 1_000}.${String(at % 100).padStart(2, '0')}`,
    ratio: at % 10 === 0 ? null : at / 7,
    active: at % 2,
    created: new Date(1_600_000_000_123 + at * 86_399_000 + version),
    note: [null, '', 'text'][at % 3] ?? null,
    tags: JSON.stringify([at % 5, { at, deep: [null, true] }]),
  }
}

interface World {
  readonly legacy: Kysely<DB>
  readonly target: Kysely<DB>
  readonly migration: Migration
  readonly mirror: Mirror
  readonly accounts: Entity
  readonly codes: Entity
  /** A row as legacy takes it. */
  readonly forLegacy: (row: Account) => Account
}

async function world(from: Engine, to: Engine): Promise<World> {
  const [legacyDatabase, targetDatabase] = [await open(from), await open(to)]
  const [legacy, target] = [legacyDatabase.db, targetDatabase.db]
  const sides = { legacy: kyselySide(legacy), target: kyselySide(target) }
  const accounts = defineEntity<Account, Account, Account, Account>({
    name: 'accounts',
    legacy: sides.legacy.table('accounts', { key: 'id' }) as never,
    target: sides.target.table('accounts', { key: 'id' }) as never,
    toTarget: translate(to),
    toLegacy: translate(from),
  })
  const codes = defineEntity<Code, Code, Code, Code>({
    name: 'codes',
    legacy: sides.legacy.table('codes', { key: ['code', 'part'] }) as never,
    target: sides.target.table('codes', { key: ['code', 'part'] }) as never,
    toTarget: (row) => row,
    toLegacy: (row) => row,
  })
  const migration = createMigration({ name: 'history', ...sides, entities: [accounts, codes] })
  await migration.start()
  for (const phase of ['capture', 'dual-write'] as const) {
    await migration.advance({ to: phase, actor: 'test', reason: 'the road' })
  }
  const mirror = createMirror(migration, { pollMs: 20 })
  onTestFinished(async () => {
    await mirror.stop()
    await migration.stop()
    await Promise.all([legacyDatabase.close(), targetDatabase.close()])
  })
  return { legacy, target, migration, mirror, accounts, codes, forLegacy: translate(from) }
}

async function open(engine: Engine): Promise<OpenDatabase<DB>> {
  const database = await engine.open<DB>()
  await sql`create table accounts (${sql.raw(COLUMNS[engine.name])})`.execute(database.db)
  await sql`create table codes (${sql.raw(CODES)})`.execute(database.db)
  return database
}

async function seed({ legacy, forLegacy }: World, rows: number): Promise<void> {
  for (let from = 1; from <= rows; from += 500) {
    const some = Array.from({ length: Math.min(500, rows - from + 1) }, (_, at) => forLegacy(account(from + at)))
    await legacy.insertInto('accounts').values(some).execute()
  }
}

async function copyHistory({ migration }: World, entity: Entity, maxChunkRows?: number): Promise<number> {
  let rows = 0
  const options = { maxLegacyLoad: 1, ...(maxChunkRows === undefined ? {} : { maxChunkRows }) }
  for await (const progress of backfill(migration, entity, options)) rows = progress.rows
  return rows
}

async function sweep(
  { migration }: World,
  entity: Entity,
  options: SweepOptions = {},
): Promise<[Finding[], SweepRecord]> {
  const run = reconcile.sweep(migration, entity, { recheckMs: [50, 200, 1_000], ...options })
  const findings: Finding[] = []
  for (let step = await run.next(); ; step = await run.next()) {
    if (step.done === true) return [findings, step.value]
    findings.push(step.value)
  }
}

/** Writes on the target that nobody captures: what a bug, or a lost write, would leave behind. */
async function plant({ migration }: World, work: (target: Kysely<DB>) => Promise<unknown>): Promise<void> {
  const { epoch } = migration.snapshot
  await migration.sides.target.copy({ stripes: [], epoch }, async ({ transaction }) => {
    await work(transaction as Kysely<DB>)
  })
}

for (const [from, to] of ROADS) {
  const reasons = [await from.missing(), await to.missing()].filter((reason) => reason !== undefined)
  if (reasons.length > 0 && process.env['CI'] === 'true') throw new Error(`needed in CI: ${reasons.join('; ')}`)
  const skipped = reasons.length > 0 ? ` (skipped: ${reasons.join('; ')})` : ''

  describe.skipIf(reasons.length > 0)(`${from.name} to ${to.name}${skipped}`, { timeout: 60_000 }, () => {
    it('copies history beside live writes, and a sweep finds every row equal', async () => {
      const made = await world(from, to)
      await seed(made, 2_000)
      made.mirror.start()
      let writing = true
      const writers = (async () => {
        for (let at = 1; writing && at <= 400; at++) {
          const { id } = account(at * 5)
          if (at % 3 === 0) await made.legacy.deleteFrom('accounts').where('id', '=', id).execute()
          else if (at % 3 === 1) {
            await made.legacy
              .updateTable('accounts')
              .set({ name: `renamed ${at}` })
              .where('id', '=', id)
              .execute()
          } else
            await made.legacy
              .insertInto('accounts')
              .values(made.forLegacy(account(3_000 + at)))
              .execute()
          // Embedded engines answer without leaving the event loop.
          await new Promise((resolve) => setImmediate(resolve))
        }
      })()
      await copyHistory(made, made.accounts, 100)
      writing = false
      await writers
      await made.mirror.drain()
      const [findings, record] = await sweep(made, made.accounts)
      expect(findings).toEqual([])
      expect(record).toMatchObject({ drift: 0, undecided: 0, parity: 1, lowerBound95: 1 })
      expect(record.rows).toBeGreaterThan(1_000)
      const [legacyRows, targetRows] = await Promise.all(
        [made.legacy, made.target].map((db) => db.selectFrom('accounts').select('id').orderBy('id').execute()),
      )
      expect(targetRows?.map(({ id }) => String(id))).toEqual(legacyRows?.map(({ id }) => String(id)))
    })

    it('finds what was planted, says why, and has it mended', async () => {
      const made = await world(from, to)
      await seed(made, 600)
      await copyHistory(made, made.accounts)
      await made.mirror.drain()
      const id = (at: number): number => Number(account(at).id)
      await plant(made, async (target) => {
        const change = (at: number, values: Partial<Account>) =>
          target.updateTable('accounts').set(values).where('id', '=', id(at)).execute()
        await target.deleteFrom('accounts').where('id', '=', id(17)).execute()
        await target
          .insertInto('accounts')
          .values({ ...translate(to)(account(1)), id: 999_999 })
          .execute()
        await change(30, { note: '' })
        await change(32, { name: account(32).name.toUpperCase() })
        await change(31, {
          created: translate(to)({ ...account(31), created: Number(account(31).created) + 3_600_000 }).created,
        })
        await change(33, { amount: '1.00' })
        await change(34, { active: to === mariadb ? 1 : true })
        await change(35, { tags: '{}' })
        await change(36, { ratio: Number(account(36).ratio) + 1 })
      })
      const [findings] = await sweep(made, made.accounts, { reveal: 'keys', pageRows: 100 })
      const found = findings.map(({ key, reason, fields }) => [String(key), reason, ...fields.map(({ name }) => name)])
      expect(found.sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
        [String(id(17)), 'missing'],
        [String(id(30)), 'null-vs-empty', 'note'],
        [String(id(31)), 'timezone-shift', 'created'],
        [String(id(32)), 'case', 'name'],
        [String(id(33)), 'value', 'amount'],
        [String(id(34)), 'value', 'active'],
        [String(id(35)), 'value', 'tags'],
        [String(id(36)), 'value', 'ratio'],
        ['999999', 'extra'],
      ])
      made.mirror.start()
      const [, repaired] = await sweep(made, made.accounts, { repair: true })
      expect(repaired).toMatchObject({ drift: 9, repaired: 9 })
      const [left, record] = await sweep(made, made.accounts)
      expect(left).toEqual([])
      expect(record).toMatchObject({ rows: 600, drift: 0, parity: 1 })
    })

    it('copies and compares rows with keys of several columns and of many scripts', async () => {
      const made = await world(from, to)
      const names = [
        'zeta',
        'Alpha',
        'beta',
        'Ähre',
        'öre',
        'ñandú',
        'Éclair',
        '東京',
        'कमल',
        'a|b',
        'a~b',
        'a b',
        '10',
        '9',
        '-',
      ]
      const rows = names.flatMap((code) => [1, 2, 10].map((part) => ({ code, part, label: `${code} ${part}` })))
      await made.legacy.insertInto('codes').values(rows).execute()
      expect(await copyHistory(made, made.codes, 4)).toBe(rows.length)
      await made.mirror.drain()
      await plant(made, async (target) => {
        await target.deleteFrom('codes').where('code', '=', 'a|b').where('part', '=', 2).execute()
        await target.insertInto('codes').values({ code: 'Ünknown', part: 1, label: '' }).execute()
      })
      const [findings, record] = await sweep(made, made.codes, { reveal: 'keys', pageRows: 4 })
      expect(record.rows).toBe(rows.length + 1)
      expect(findings.map(({ key, reason }) => [...(key as unknown[]).map(String), reason].join()).sort()).toEqual([
        'a|b,2,missing',
        'Ünknown,1,extra',
      ])
      const sampled = await reconcile.sample(made.migration, made.codes, { size: 1_000, recheckMs: [0, 1] })
      expect(sampled).toMatchObject({ compared: rows.length + 1, mismatched: 2 })
    })
  })
}
