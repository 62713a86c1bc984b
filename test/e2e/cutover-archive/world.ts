import { createMigration, defineEntity, type Entity, type Migration } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'

interface Member {
  readonly member_id: number
  readonly mail: string
  readonly notes: string
}

interface DB {
  readonly first: Member
  readonly second: Member
}

function open(directory: string, file: string): Kysely<DB> {
  const database = new SqliteDatabase(`${directory}/${file}`)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = off')
  return new Kysely<DB>({ dialect: new SqliteDialect({ database }) })
}

/** Legacy with two tables of so many rows, made by the engine itself. */
export async function fill(directory: string, rows: number): Promise<void> {
  const legacy = open(directory, 'legacy.db')
  const target = open(directory, 'target.db')
  for (const db of [legacy, target])
    for (const table of ['first', 'second'] as const)
      await sql`create table ${sql.table(table)} (member_id integer primary key, mail text, notes text)`.execute(db)
  for (const table of ['first', 'second'] as const)
    await sql`insert into ${sql.table(table)} with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows})
      select i, 'member' || i || '@example.org', hex(randomblob(40)) from n`.execute(legacy)
  await legacy.destroy()
  await target.destroy()
}

/** The migration over these files, in `complete`. */
export async function openComplete(
  directory: string,
): Promise<{ readonly migration: Migration; close(): Promise<void> }> {
  const dbs = { legacy: open(directory, 'legacy.db'), target: open(directory, 'target.db') }
  const legacy = kyselySide(dbs.legacy)
  const target = kyselySide(dbs.target)
  const entities = (['first', 'second'] as const).map((name) =>
    defineEntity({
      name,
      legacy: legacy.table(name, { key: 'member_id' }),
      target: target.table(name, { key: 'member_id' }),
      toTarget: (row) => row,
      toLegacy: (row) => row,
    }),
  ) as readonly Entity[]
  const migration = createMigration({ name: 'archived', legacy, target, entities })
  await migration.start()
  // The road there is not what is looked at.
  for (const side of ['legacy', 'target'] as const) {
    const { fence } = migration.sides[side]
    const { row } = (await fence.read()) ?? {}
    if (row !== undefined && row.phase !== 'complete')
      await fence.change(row.revision, { ...row, epoch: 9, phase: 'complete', primary: 'target' })
  }
  await migration.refresh()
  return {
    migration,
    async close() {
      await migration.stop()
      await dbs.legacy.destroy()
      await dbs.target.destroy()
    },
  }
}
