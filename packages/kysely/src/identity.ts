import type { Identity } from '@twinspan/core'
import type { ColumnFacts } from './catalog.ts'
import type { Int64 } from './own-tables.ts'
import type { KnownTable, TableContext } from './table-context.ts'

/**
 * The generator behind a single integer key: a sequence, an identity, an auto-increment counter. Before the catalog was
 * read (`check` does) a table counts as having one; one that turns out to have none always stands at its largest key.
 */
export function identityOf(context: TableContext): Identity | undefined {
  const [name] = context.key
  const { database, lastKnown } = context
  if (context.key.length !== 1 || name === undefined) return undefined
  if (lastKnown !== undefined && lastKnown.columns.get(name)?.generator === undefined) return undefined

  const generated = ({ columns }: KnownTable): ColumnFacts | undefined => {
    const column = columns.get(name)
    return column?.generator === undefined ? undefined : column
  }
  return {
    async read() {
      const known = await context.known()
      const integers = known.columns.get(name)?.kind === 'integer'
      const largest = integers ? await largestKey(context, name) : 0n
      const column = generated(known)
      const next =
        column === undefined ? largest + 1n : await database.dialect.nextIdentity(database.own, known.facts, column)
      return { next, largest }
    },
    async moveTo(next) {
      const known = await context.known()
      const column = generated(known)
      if (column !== undefined) await database.dialect.moveIdentity(database.own, known.facts, column, next)
    },
  }
}

async function largestKey(context: TableContext, column: string): Promise<bigint> {
  const row = await context
    .connection()
    .selectFrom(context.name)
    .select((eb) => eb.fn.max<Int64 | null>(column).as('largest'))
    .executeTakeFirst()
  const largest = BigInt(row?.largest ?? 0)
  return largest < 0n ? 0n : largest
}
