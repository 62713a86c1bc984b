import { PGlite } from '@electric-sql/pglite'
import { Kysely, PGliteDialect } from 'kysely'
import type { Engine, OpenDatabase } from './engines.ts'

/** An instance takes seconds to start and a moment to empty, so that tests of one process hand them on. */
const idle: PGlite[] = []

export const pglite: Engine = {
  name: 'pglite',
  concurrent: false,
  missing: async () => undefined,
  async open<DB>(): Promise<OpenDatabase<DB>> {
    const instance = idle.pop() ?? (await PGlite.create())
    const db = new Kysely<DB>({ dialect: new PGliteDialect({ pglite: instance }) })
    return {
      db,
      // There is one connection, and Kysely's lock around it.
      connect: async () => db,
      async close() {
        await instance.exec('drop schema public cascade; create schema public; grant usage on schema public to public')
        await instance.exec('discard all')
        idle.push(instance)
      },
    }
  },
}
