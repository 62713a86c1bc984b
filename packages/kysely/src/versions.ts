import { STRIPES } from '@twinspan/core'
import { type Kysely, sql } from 'kysely'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import type { OwnTables } from './own-tables.ts'
import { insertAbsent } from './writes.ts'

/** The row whose version is the last one that was drawn, whatever the stripe. */
const LAST = -1

/**
 * Fencing tokens. One is drawn under the locks of its stripes and committed with them before the copy begins: a copy that is
 * rolled back, or killed, or lost with its server has used it up all the same. The copy, which locks the stripes again, has
 * to find its own version there.
 */
export interface Versions {
  /** Makes the rows, once per process. */
  ready(): Promise<void>
  /** Draws a version and writes it into the stripes, whose locks this transaction holds. */
  draw(db: Kysely<OwnTables>, stripes: readonly number[]): Promise<bigint>
  /** Those of the stripes, locked by this transaction, into which nobody has drawn a later version. */
  current(db: Kysely<OwnTables>, stripes: readonly number[], version: bigint): Promise<readonly number[]>
}

export function createVersions(database: Database, { migration, side }: Scope): Versions {
  let made: Promise<unknown> | undefined
  const mine = { migration, side }

  async function raise(db: Kysely<OwnTables>, stripes: readonly number[], version: bigint | undefined): Promise<void> {
    await db
      .updateTable('twinspan_version')
      .set({ version: version === undefined ? sql`version + 1` : String(version) })
      .where((eb) => eb.and(mine))
      .where('stripe', 'in', stripes)
      .execute()
  }

  async function read(db: Kysely<OwnTables>, stripes: readonly number[]): Promise<ReadonlyMap<number, bigint>> {
    const rows = await db
      .selectFrom('twinspan_version')
      .select(['stripe', 'version'])
      .where((eb) => eb.and(mine))
      .where('stripe', 'in', stripes)
      .execute()
    return new Map(rows.map((row) => [Number(row.stripe), BigInt(row.version)]))
  }

  return {
    async ready() {
      const rows = Array.from({ length: STRIPES + 1 }, (_, index) => ({ ...mine, stripe: index + LAST, version: 0 }))
      made ??= insertAbsent(database, database.own, 'twinspan_version', rows).catch((error: unknown) => {
        made = undefined
        throw error
      })
      await made
    },

    async draw(db, stripes) {
      // Last of all locks, and held for two statements only.
      await raise(db, [LAST], undefined)
      const version = (await read(db, [LAST])).get(LAST) ?? 0n
      if (stripes.length > 0) await raise(db, stripes, version)
      return version
    },

    async current(db, stripes, version) {
      if (stripes.length === 0) return []
      const found = await read(db, stripes)
      return stripes.filter((stripe) => found.get(stripe) === version)
    },
  }
}
