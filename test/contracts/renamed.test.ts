import { backfill } from '@twinspan/backfill'
import { type BulkStore, createMigration, defineEntity, type EntityStore, sameColumns } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import { Kysely, MysqlDialect, sql } from 'kysely'
import { createPool } from 'mysql2'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Engine } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'

const ROADS: readonly (readonly [Engine, Engine])[] = [
  [mariadb, postgres],
  [postgres, postgres],
  [pglite, pglite],
]

interface Member {
  member_id: number
  mail: string | null
  balance: string
  ratio: number | null
  joined: Date
  note: string | null
}

interface User {
  id: number
  email: string | null
  balance: string
  ratio: number | null
  joined: Date
  note: string | null
}

interface DB {
  members: Member
  users: User
}

const NAMES = { member_id: 'id', mail: 'email', balance: 'balance', ratio: 'ratio', joined: 'joined', note: 'note' }
const ROWS = 2_000
const WORDS = ['Zürich', '東京', 'O\'ahu \\ "quoted"', '🛤️ tab\tnew\nline', ' padded ', '', 'NULL', '{1,2}']

function member(at: number): Member {
  return {
    member_id: at * 2,
    mail: at % 7 === 0 ? null : `m${at}@example.org`,
    balance: `${at}.${String(at % 100).padStart(2, '0')}`,
    ratio: at % 10 === 0 ? null : at / 7,
    joined: new Date(1_600_000_000_123 + at * 86_399_000),
    note: at % 3 === 0 ? null : `${WORDS[at % WORDS.length]}`,
  }
}

interface World {
  readonly legacy: Kysely<DB>
  readonly target: Kysely<DB>
  /** Runs a backfill to its end. `asText`: how many rows travelled as text. */
  copy(toTarget?: (row: Member) => User): Promise<{ readonly asText: number; readonly marked: number }>
  dirty(key: number): Promise<boolean>
}

async function world(from: Engine, to: Engine, connect?: (url: string) => Kysely<DB>): Promise<World> {
  const [source, destination] = [await from.open<DB>(), await to.open<DB>()]
  const legacy = connect?.(source.url ?? '') ?? source.db
  const target = destination.db
  const types = (engine: Engine): string =>
    engine === mariadb
      ? 'balance decimal(12,2) not null, ratio double, joined datetime(3) not null, note text'
      : 'balance numeric(12,2) not null, ratio float8, joined timestamptz(3) not null, note text'
  await sql`create table members (member_id bigint primary key, mail varchar(100), ${sql.raw(types(from))})`.execute(
    source.db,
  )
  await sql`create table users (id bigint primary key, email varchar(100) unique, ${sql.raw(types(to))})`.execute(
    target,
  )
  for (let at = 1; at <= ROWS; at += 500) {
    const some = Array.from({ length: 500 }, (_, offset) => member(at + offset))
    await legacy.insertInto('members').values(some).execute()
  }
  const sides = { legacy: kyselySide(legacy), target: kyselySide(target) }
  const members = sides.legacy.table('members', { key: 'member_id' })
  let asText = 0
  const counting = (bulk: BulkStore): BulkStore => ({
    ...bulk,
    async readTexts(...args) {
      const texts = await bulk.readTexts?.(...args)
      asText += texts?.keys.length ?? 0
      return texts
    },
  })
  const renaming = sameColumns(NAMES) as never as { toTarget(row: Member): User; toLegacy(row: User): Member }
  let translate = renaming.toTarget
  const users = defineEntity<Member, Member, User, User>({
    name: 'users',
    ...renaming,
    columns: NAMES,
    legacy: { ...members, bulk: counting(members.bulk as BulkStore) } as unknown as EntityStore<Member>,
    target: sides.target.table('users', { key: 'id' }) as never,
    toTarget: (row) => translate(row),
  })
  const migration = createMigration({ name: 'renamed', ...sides, entities: [users], capture: 'transaction' })
  await migration.start()
  for (const phase of ['capture', 'dual-write'] as const) {
    await migration.advance({ to: phase, actor: 'test', reason: 'the road' })
  }
  onTestFinished(async () => {
    await migration.stop()
    if (legacy !== source.db) await legacy.destroy()
    await Promise.all([source.close(), destination.close()])
  })
  return {
    legacy,
    target,
    async copy(toTarget = renaming.toTarget) {
      translate = toTarget
      let marked = 0
      // No chunk is to be smaller for having taken long.
      const options = { maxLegacyLoad: 1, chunkTargetMs: 60_000, probeEveryMs: 0, maxChunkRows: 500 }
      for await (const progress of backfill(migration, users, options)) marked = progress.marked
      return { asText, marked }
    },
    dirty: async (key) => (await migration.sides.legacy.journal.dirty('users', [String(key)])).size > 0,
  }
}

for (const [from, to] of ROADS) {
  const reasons = [await from.missing(), await to.missing()].filter((reason) => reason !== undefined)
  if (reasons.length > 0 && process.env['CI'] === 'true') throw new Error(`needed in CI: ${reasons.join('; ')}`)
  const skipped = reasons.length > 0 ? ` (skipped: ${reasons.join('; ')})` : ''

  describe.skipIf(reasons.length > 0)(
    `renamed columns, ${from.name} to ${to.name}${skipped}`,
    { timeout: 60_000 },
    () => {
      it('travel as text after the first rows, and arrive as they do one by one', async () => {
        const { target, copy } = await world(from, to)
        expect(await copy()).toEqual({ asText: ROWS - 500, marked: 0 })
        const rows = await target.selectFrom('users').selectAll().orderBy('id').execute()
        const expected = Array.from({ length: ROWS }, (_, at) => {
          const { member_id: id, mail: email, ...rest } = member(at + 1)
          return { id, email, ...rest }
        })
        expect(rows.map((row) => ({ ...row, id: Number(row.id) }))).toEqual(expected)
      })

      it('leave alone what is there, and mark a key that another unique value keeps out', async () => {
        const { target, copy, dirty } = await world(from, to)
        const { member_id: id, mail: email, ...rest } = member(1_001)
        await target
          .insertInto('users')
          .values([
            { ...rest, id, email, note: 'newer' },
            { ...rest, id: 1_000_001, email: member(1_002).mail },
          ])
          .execute()
        // The stranger stands behind the last key of legacy: only target has it.
        expect(await copy()).toMatchObject({ marked: 2 })
        expect([await dirty(2_004), await dirty(1_000_001), await dirty(2_002)]).toEqual([true, true, false])
        const kept = await target.selectFrom('users').select('note').where('id', '=', id).executeTakeFirst()
        expect(kept?.note).toBe('newer')
      })

      it('go one by one where the translation does more than it declares', async () => {
        const { target, copy } = await world(from, to)
        const shouting = ({ member_id: id, mail: email, ...rest }: Member): User => ({ ...rest, id, email, note: 'x' })
        expect(await copy(shouting)).toEqual({ asText: 0, marked: 0 })
        expect(await target.selectFrom('users').select('note').distinct().execute()).toEqual([{ note: 'x' }])
      })

      it.skipIf(from !== mariadb)('go one by one where the driver reads times in another zone', async () => {
        const elsewhere = (uri: string): Kysely<DB> =>
          new Kysely<DB>({ dialect: new MysqlDialect({ pool: createPool({ uri, timezone: '+05:00' }) }) })
        const { target, copy } = await world(from, to, elsewhere)
        expect(await copy()).toEqual({ asText: 0, marked: 0 })
        const first = await target.selectFrom('users').select('joined').where('id', '=', 2).executeTakeFirst()
        expect(first?.joined).toEqual(member(1).joined)
      })
    },
  )
}
