import { STRIPES } from '@twinspan/core'
import type { Kysely } from 'kysely'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import type { OwnTables } from './own-tables.ts'
import { insertAbsent } from './writes.ts'

/** Makes the rows that copies lock, once per process. The result may be called as often as one likes. */
export function stripeRows(database: Database, { migration, side }: Scope): () => Promise<void> {
  let made: Promise<void> | undefined
  async function make(): Promise<void> {
    const rows = Array.from({ length: STRIPES }, (_, stripe) => ({ migration, side, stripe }))
    await insertAbsent(database, database.own, 'twinspan_stripe', rows)
  }
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined
      throw error
    })
    return made
  }
}

/** Locks the rows of stripes in ascending order, those that somebody holds left out where `skip` says so. */
export async function lockStripes(
  db: Kysely<OwnTables>,
  { migration, side }: Scope,
  stripes: readonly number[],
  skip: boolean,
): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('twinspan_stripe')
    .select('stripe')
    .where('migration', '=', migration)
    .where('side', '=', side)
    .where('stripe', 'in', stripes)
    .orderBy('stripe')
    .forUpdate()
    .$if(skip, (query) => query.skipLocked())
    .execute()
  return rows.map(({ stripe }) => Number(stripe))
}
