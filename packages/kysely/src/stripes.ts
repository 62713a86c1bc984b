import { STRIPES } from '@twinspan/core'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
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
