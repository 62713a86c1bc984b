import { createMigration, defineEntity, type Migration } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import SQLite from 'better-sqlite3'
import { DummyDriver, Kysely, MssqlAdapter, MssqlIntrospector, MssqlQueryCompiler, SqliteDialect, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

interface Legacy {
  members: { member_id: number; mail: string }
  keyless: { member_id: number; mail: string }
}
interface Target {
  users: { id: number; email: string }
}

const who = { actor: 'ops', reason: 'test' }

describe('what cannot be meant is refused by name, before anything is written', () => {
  let legacyDb: Kysely<Legacy>
  let targetDb: Kysely<Target>
  const started: Migration[] = []

  beforeEach(async () => {
    legacyDb = new Kysely<Legacy>({ dialect: new SqliteDialect({ database: new SQLite(':memory:') }) })
    targetDb = new Kysely<Target>({ dialect: new SqliteDialect({ database: new SQLite(':memory:') }) })
    await sql`create table members (member_id integer primary key, mail text not null)`.execute(legacyDb)
    await sql`create table keyless (member_id integer, mail text)`.execute(legacyDb)
    await sql`create table users (id integer primary key, email text not null)`.execute(targetDb)
    await legacyDb.insertInto('members').values({ member_id: 1, mail: 'a' }).execute()
  })

  afterEach(async () => {
    for (const migration of started.splice(0)) await migration.stop()
    await legacyDb.destroy()
    await targetDb.destroy()
  })

  interface Names {
    readonly legacyTable?: string
    readonly legacyKey?: string
    readonly column?: string
    readonly entity?: string
    readonly name?: string
  }

  function migrationOf({
    legacyTable = 'members',
    legacyKey = 'member_id',
    column = 'email',
    entity = 'users',
    name = 'm',
  }: Names = {}): Migration {
    const legacy = kyselySide(legacyDb)
    const target = kyselySide(targetDb)
    const users = defineEntity({
      name: entity,
      legacy: legacy.table(legacyTable as 'members', { key: legacyKey as 'member_id' }),
      target: target.table('users', { key: 'id' }),
      toTarget: (row) => ({ id: row.member_id, [column]: row.mail }) as unknown as { id: number; email: string },
      toLegacy: (row) => ({ member_id: row.id, mail: row.email }),
    })
    const migration = createMigration({ name, legacy, target, entities: [users] })
    started.push(migration)
    return migration
  }

  async function tablesOf(db: Kysely<Legacy> | Kysely<Target>): Promise<readonly string[]> {
    const { rows } = await sql<{ name: string }>`select name from sqlite_master where name like 'twinspan%'`.execute(db)
    return rows.map((row) => row.name)
  }

  it.each([
    ['an unknown table', { legacyTable: 'membres' }, { code: 'TWINSPAN_UNKNOWN_TABLE', table: 'membres' }],
    ['an unknown key column', { legacyKey: 'id' }, { code: 'TWINSPAN_UNKNOWN_COLUMN', table: 'members', column: 'id' }],
    [
      'an unknown column of a translation',
      { column: 'e_mail' },
      { code: 'TWINSPAN_UNKNOWN_COLUMN', table: 'users', column: 'e_mail' },
    ],
    [
      'a table without a primary key',
      { legacyTable: 'keyless' },
      { code: 'TWINSPAN_MISSING_PRIMARY_KEY', table: 'keyless' },
    ],
  ] as const)('%s', async (_, names, error) => {
    await expect(migrationOf(names).start()).rejects.toMatchObject(error)
    expect(await tablesOf(legacyDb)).toEqual([])
    expect(await tablesOf(targetDb)).toEqual([])
  })

  it('an engine that no adapter knows', () => {
    const mssql = new Kysely<Legacy>({
      dialect: {
        createAdapter: () => new MssqlAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (db) => new MssqlIntrospector(db),
        createQueryCompiler: () => new MssqlQueryCompiler(),
      },
    })
    expect(() => kyselySide(mssql)).toThrow(expect.objectContaining({ code: 'TWINSPAN_UNSUPPORTED_ENGINE' }))
  })

  it('a target that holds rows which are not ours', async () => {
    await targetDb.insertInto('users').values({ id: 9, email: 'somebody' }).execute()
    const migration = migrationOf()
    await migration.start()
    await migration.advance({ to: 'capture', ...who })
    await expect(migration.advance({ to: 'dual-write', ...who })).rejects.toMatchObject({
      code: 'TWINSPAN_TARGET_NOT_EMPTY',
      entity: 'users',
      message: expect.stringContaining('users'),
    })
    expect(migration.snapshot.phase).toBe('capture')
    expect(await targetDb.selectFrom('users').selectAll().execute()).toEqual([{ id: 9, email: 'somebody' }])
  })

  it('a second migration of one name', async () => {
    await migrationOf().start()
    await expect(migrationOf({ entity: 'people' }).start()).rejects.toMatchObject({
      code: 'TWINSPAN_MIGRATION_CONFLICT',
      migration: 'm',
    })
  })

  it('two names beside each other are two migrations', async () => {
    await migrationOf({ name: 'a' }).start()
    await migrationOf({ name: 'b', entity: 'people' }).start()
    expect(started.map((migration) => migration.snapshot.epoch)).toEqual([1, 1])
  })
})
