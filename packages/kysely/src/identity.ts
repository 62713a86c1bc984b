import type { Identity } from '@twinspan/core'
import { sql } from 'kysely'
import type { Int64 } from './own-tables.ts'
import type { KnownTable, TableContext } from './table-context.ts'

/**
 * The generator behind a single integer key. A table whose catalog was not read yet has one; once read, only a table that
 * really has a generator does.
 */
export function identityOf(context: TableContext): Identity | undefined {
  const [column] = context.key
  if (context.key.length !== 1 || column === undefined) return undefined
  const { database, lastKnown } = context
  if (lastKnown !== undefined && lastKnown.columns.get(column)?.kind !== 'integer') return undefined

  const physical = (known: KnownTable): string => known.columns.get(column)?.name ?? column
  return {
    async read() {
      const known = await context.known()
      const { rows } = await sql<{ largest: Int64 | null }>`
        select max(${sql.ref(column)}) as largest from ${sql.table(context.name)}`.execute(context.connection())
      const largest = known.columns.get(column)?.kind === 'integer' ? BigInt(rows[0]?.largest ?? 0) : 0n
      const next = await database.dialect.nextIdentity(database.own, known.facts, physical(known))
      return { next: next ?? largest + 1n, largest: largest < 0n ? 0n : largest }
    },
    async moveTo(next) {
      const known = await context.known()
      await database.dialect.moveIdentity(database.own, known.facts, physical(known), next)
    },
  }
}
