import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { Engine, OpenDatabase } from './engines.ts'

/** A file, so that several connections can open it. */
export const sqlite: Engine = {
  name: 'sqlite',
  concurrent: false,
  missing: async () => undefined,
  async open<DB>(): Promise<OpenDatabase<DB>> {
    const directory = await mkdtemp(join(tmpdir(), 'twinspan-'))
    const opened: Kysely<DB>[] = []
    const connect = async (): Promise<Kysely<DB>> => {
      // A blocking wait for another connection of this process would wait for itself.
      const database = new SqliteDatabase(join(directory, 'test.db'), { timeout: 0 })
      database.pragma('journal_mode = WAL')
      database.pragma('synchronous = off')
      const db = new Kysely<DB>({ dialect: new SqliteDialect({ database }) })
      // Kysely closes only what it has used.
      await db.introspection.getSchemas()
      opened.push(db)
      return db
    }
    return {
      db: await connect(),
      connect,
      async close() {
        await Promise.all(opened.map((db) => db.destroy()))
        await rm(directory, { recursive: true, force: true })
      },
    }
  },
}
