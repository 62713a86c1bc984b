import type { Kysely } from 'kysely'
import { describe } from 'vitest'
import { mariadb } from './mariadb.ts'
import { pglite } from './pglite.ts'
import { postgres } from './postgres.ts'
import { sqlite } from './sqlite.ts'

/** A database of one test's own. */
export interface OpenDatabase<DB> {
  readonly db: Kysely<DB>
  /** How to reach it, where it is on a server. */
  readonly url?: string
  /** A connection as another process has one: another pool, where the engine has connections. */
  connect(): Promise<Kysely<DB>>
  /** Ends every connection and removes the database. */
  close(): Promise<void>
}

export interface Engine {
  readonly name: 'sqlite' | 'pglite' | 'postgres' | 'mariadb'
  /** Whether several connections work side by side. */
  readonly concurrent: boolean
  /** Why the engine cannot be had here; `undefined` when it can. */
  missing(): Promise<string | undefined>
  /** A fresh, empty database. */
  open<DB>(): Promise<OpenDatabase<DB>>
}

const engines: readonly Engine[] = [sqlite, pglite, postgres, mariadb]

/**
 * Declares a suite for each engine. An engine that does not answer is reported as skipped, with the reason, except in CI
 * (`CI=true`), where it is an error. Await it at the top level of a test file.
 */
export async function eachEngine(suite: (engine: Engine) => void): Promise<void> {
  for (const engine of engines) {
    const reason = await engine.missing()
    if (reason === undefined) {
      suite(engine)
      continue
    }
    if (process.env['CI'] === 'true') throw new Error(`${engine.name} is needed in CI: ${reason}`)
    describe.skip(`${engine.name} (skipped: ${reason})`, () => {
      suite(engine)
    })
  }
}
