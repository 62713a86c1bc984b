import { type RawBuilder, sql } from 'kysely'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'

/** For a statement that reads the fence row as `fence`: that the side takes primary writes, and what holds it until the transaction ends. */
export function accepting(
  { dialect }: Database,
  scope: Scope,
): { readonly condition: RawBuilder<unknown>; readonly suffix: RawBuilder<unknown> } {
  const { migration, side } = scope
  const { condition, suffix } = dialect.fenceGuard({ migration, side })
  return {
    condition: sql`fence.migration = ${migration} and fence.side = ${side} and fence.open = 1
      and fence.primary_side = ${side} and ${condition}`,
    suffix,
  }
}
