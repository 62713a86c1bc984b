import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { LegacyTables, TargetTables } from './members.ts'

const MEMBERS = 2_000

export interface Databases {
  readonly legacy: Kysely<LegacyTables>
  readonly target: Kysely<TargetTables>
  readonly faults: Faults
  close(): Promise<void>
}

/** What an operator has to notice. */
export interface Faults {
  /** Nobody can write to the target any more. Answers with what ends it. */
  holdTarget(): () => void
  /** The target refuses this member, whatever becomes of him. Answers with what ends it. */
  refuse(id: number): () => void
}

/** Legacy with its members, and a target with an empty table, as files of their own. */
export function openDatabases(folder: string): Databases {
  const legacy = openFile(folder, 'legacy.db')
  legacy.exec('create table members (member_id integer primary key autoincrement, mail text not null)')
  legacy.exec(
    `with recursive n(i) as (values (1) union all select i + 1 from n where i < ${MEMBERS}) insert into members (mail) select 'member' || i || '@example.org' from n`,
  )
  const target = openFile(folder, 'target.db')
  target.exec('create table users (id integer primary key autoincrement, email text not null)')
  const outside = openFile(folder, 'target.db')
  const legacyDb = new Kysely<LegacyTables>({ dialect: new SqliteDialect({ database: legacy }) })
  const targetDb = new Kysely<TargetTables>({ dialect: new SqliteDialect({ database: target }) })
  return {
    legacy: legacyDb,
    target: targetDb,
    faults: {
      holdTarget() {
        outside.exec('begin immediate')
        return () => outside.exec('rollback')
      },
      refuse(id) {
        outside.exec(
          `create trigger refused before update on users when new.id = ${id} begin select raise(abort, 'refused'); end`,
        )
        return () => outside.exec('drop trigger refused')
      },
    },
    async close() {
      await legacyDb.destroy()
      await targetDb.destroy()
      outside.close()
    },
  }
}

/** A driver that waits for a lock blocks the process: it waits shortly. */
function openFile(folder: string, name: string): InstanceType<typeof SqliteDatabase> {
  const database = new SqliteDatabase(join(folder, name), { timeout: 20 })
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = NORMAL')
  return database
}
