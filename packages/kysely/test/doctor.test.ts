import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMigration, defineEntity, type Examination, type Migration, type SideFinding } from '@twinspan/core'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, MysqlDialect, PostgresDialect, SqliteDialect, sql } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachEngine, type OpenDatabase } from '../../../test/support/engines.ts'
import { kyselySide, surviveLostConnections } from '../src/index.ts'
import { createThings, type Things } from './things.ts'

const SCOPE = { migration: 'examined', side: 'legacy' } as const

/** What the doctor says about a database that is reached in this way. */
async function findings(
  db: Kysely<Things>,
  capture: Examination['capture'] = 'trigger',
  side: 'legacy' | 'target' = 'legacy',
): Promise<readonly SideFinding[]> {
  const { bind, table } = kyselySide(db)
  const store = table('things', { key: 'id' })
  return (await bind({ ...SCOPE, side }).examine?.({ entities: [{ name: 'things', store }], capture })) ?? []
}

const names = (found: readonly SideFinding[]): readonly string[] => found.map(({ name }) => name)

await eachEngine((engine) => {
  describe(`the doctor on ${engine.name}`, () => {
    let opened: OpenDatabase<Things>
    let db: Kysely<Things>
    const others: Kysely<Things>[] = []

    /** The database as somebody else reaches it. */
    function connectAs(user: string | undefined, options: string): Kysely<Things> {
      const url = new URL(opened.url ?? '')
      if (user !== undefined) url.username = user
      const other = new Kysely<Things>({
        dialect:
          engine.name === 'postgres'
            ? new PostgresDialect({
                pool: surviveLostConnections(new pg.Pool({ connectionString: url.href, max: 1, options })),
              })
            : new MysqlDialect({ pool: createPool({ uri: url.href, connectionLimit: 1, supportBigNumbers: true }) }),
      })
      others.push(other)
      return other
    }

    beforeEach(async () => {
      opened = await engine.open<Things>()
      db = opened.db
      await createThings(db, engine.name)
    })
    afterEach(async () => {
      for (const other of others.splice(0)) await other.destroy()
      await opened.close()
    })

    it('refuses nothing here, before and after everything is set up', async () => {
      const before = await findings(db)
      const legacy = kyselySide(db).bind(SCOPE)
      await legacy.prepare()
      await legacy.capture.install([{ name: 'things', store: kyselySide(db).table('things', { key: 'id' }) }])
      const after = await findings(db)
      expect([...before, ...after].filter(({ severity }) => severity === 'refuse')).toEqual([])
    })

    if (engine.name === 'postgres') {
      it('warns of a connection that does not wait for the disk, and not of one that does', async () => {
        expect(names(await findings(connectAs(undefined, '-c synchronous_commit=off')))).toContain('synchronous-commit')
        expect(names(await findings(connectAs(undefined, '-c synchronous_commit=on')))).not.toContain(
          'synchronous-commit',
        )
      })

      it('refuses a read-only connection, in the phases that write to the side', async () => {
        const db = connectAs(undefined, '-c default_transaction_read_only=on')
        expect(await findings(db)).toContainEqual(
          expect.objectContaining({
            name: 'read-only',
            severity: 'refuse',
            refuses: ['capture', 'dual-write', 'shadow', 'canary', 'target-primary'],
          }),
        )
        expect((await findings(db, 'trigger', 'target')).find(({ name }) => name === 'read-only')?.refuses).toEqual([
          'dual-write',
          'shadow',
          'canary',
          'target-primary',
          'complete',
        ])
      })

      it('holds a migration up whose legacy became read-only, and says why', async () => {
        const other = await engine.open<Things>()
        await createThings(other.db, engine.name)
        const reach = (legacyDb: Kysely<Things>): Migration => {
          const legacy = kyselySide(legacyDb)
          const target = kyselySide(other.db)
          const things = defineEntity({
            name: 'things',
            legacy: legacy.table('things', { key: 'id' }),
            target: target.table('things', { key: 'id' }),
            toTarget: (row) => row,
            toLegacy: (row) => row,
          })
          return createMigration({ name: 'm', legacy, target, entities: [things] })
        }
        try {
          const before = reach(db)
          await before.start()
          await before.stop()
          const after = reach(connectAs(undefined, '-c default_transaction_read_only=on'))
          await after.start()
          await expect(after.advance({ to: 'capture', actor: 'ops', reason: 'test' })).rejects.toMatchObject({
            code: 'TWINSPAN_PHASE_REFUSED',
            message: expect.stringContaining('read-only on legacy'),
          })
          await after.stop()
        } finally {
          await other.close()
        }
      })

      it('misses the rights to create tables and triggers, for as long as there is something to create', async () => {
        const role = new URL(opened.url ?? '').pathname.slice(1)
        await sql`create role ${sql.id(role)} login`.execute(db)
        try {
          await sql`grant select on things to ${sql.id(role)}`.execute(db)
          await sql`revoke create on schema public from public`.execute(db)
          const refused = (await findings(connectAs(role, ''))).filter(({ severity }) => severity === 'refuse')
          expect(names(refused)).toEqual(['create-privilege', 'trigger-privilege'])
          expect(refused[1]?.detail).toContain('things')

          expect(names(await findings(connectAs(role, ''), 'transaction'))).toEqual(['create-privilege'])

          const legacy = kyselySide(db).bind(SCOPE)
          await legacy.prepare()
          await legacy.capture.install([{ name: 'things', store: kyselySide(db).table('things', { key: 'id' }) }])
          await sql`grant select on all tables in schema public to ${sql.id(role)}`.execute(db)
          expect(names(await findings(connectAs(role, '')))).toEqual([])
        } finally {
          for (const other of others.splice(0)) await other.destroy()
          await sql`drop owned by ${sql.id(role)}`.execute(db)
          await sql`drop role ${sql.id(role)}`.execute(db)
        }
      })
    }

    if (engine.name === 'mariadb') {
      it('refuses a session that may not write', async () => {
        const db = connectAs(undefined, '')
        await sql`set session transaction read only`.execute(db)
        expect(await findings(db)).toContainEqual(expect.objectContaining({ name: 'read-only', severity: 'refuse' }))
      })

      it('misses the rights to create tables and triggers, for as long as there is something to create', async () => {
        const database = new URL(opened.url ?? '').pathname.slice(1)
        const user = database.slice(0, 30)
        const grantee = sql.raw(`'${user}'@'%'`)
        await sql`create user ${grantee}`.execute(db)
        try {
          await sql`grant select, insert on ${sql.id(database)}.* to ${grantee}`.execute(db)
          const poor = connectAs(user, '')
          const refused = (await findings(poor)).filter(({ severity }) => severity === 'refuse')
          expect(names(refused)).toEqual(['create-privilege', 'trigger-privilege'])
          expect(names(await findings(poor, 'transaction'))).toEqual(['create-privilege'])
          await sql`grant create on ${sql.id(database)}.* to ${grantee}`.execute(db)
          await sql`grant trigger on ${sql.id(database)}.things to ${grantee}`.execute(db)
          expect(names(await findings(connectAs(user, '')))).toEqual([])
        } finally {
          for (const other of others.splice(0)) await other.destroy()
          await sql`drop user ${grantee}`.execute(db)
        }
      })
    }
  })
})

describe('the doctor on SQLite', () => {
  let directory: string
  const opened: Kysely<Things>[] = []
  const open = (file: string, ...pragmas: readonly string[]): Kysely<Things> => {
    const database = new SqliteDatabase(file === ':memory:' ? file : join(directory, file))
    for (const pragma of pragmas) database.pragma(pragma)
    const db = new Kysely<Things>({ dialect: new SqliteDialect({ database }) })
    opened.push(db)
    return db
  }
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'twinspan-'))
  })
  afterEach(async () => {
    for (const db of opened.splice(0)) await db.destroy()
    await rm(directory, { recursive: true, force: true })
  })

  it.each([
    [['journal_mode = WAL', 'synchronous = full'], []],
    [['journal_mode = DELETE', 'synchronous = extra'], []],
    [['journal_mode = WAL', 'synchronous = normal'], ['synchronous']],
    [['journal_mode = WAL', 'synchronous = off'], ['synchronous']],
    [['journal_mode = MEMORY', 'synchronous = full'], ['journal-mode']],
    [
      ['journal_mode = MEMORY', 'synchronous = off'],
      ['journal-mode', 'synchronous'],
    ],
  ])('reads %j as %j', async (pragmas, expected) => {
    const db = open('a.db', ...pragmas)
    await createThings(db, 'sqlite')
    const found = await findings(db)
    expect(names(found)).toEqual(expected)
    expect(found.every(({ severity }) => severity === 'warn')).toBe(true)
  })

  it('warns of a database in memory, once', async () => {
    const db = open(':memory:')
    await createThings(db, 'sqlite')
    expect(await findings(db)).toEqual([expect.objectContaining({ name: 'in-memory', severity: 'warn' })])
  })

  it('refuses a connection that was opened for reading only, however that was done', async () => {
    const writer = open('a.db', 'synchronous = full')
    await createThings(writer, 'sqlite')
    await kyselySide(writer).bind(SCOPE).prepare()
    expect(names(await findings(open('a.db', 'synchronous = full', 'query_only = on')))).toEqual(['read-only'])

    const database = new SqliteDatabase(join(directory, 'a.db'), { readonly: true })
    database.pragma('synchronous = full')
    const reader = new Kysely<Things>({ dialect: new SqliteDialect({ database }) })
    opened.push(reader)
    expect(names(await findings(reader))).toEqual(['read-only'])
  })
})
