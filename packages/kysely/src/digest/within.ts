import type { Stretch } from '@twinspan/core'
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { KeyColumns } from '../key-columns.ts'

/** The rows of a stretch. */
export function within({ key }: { readonly key: KeyColumns }, { after, through }: Stretch): RawBuilder<SqlBool> {
  const conditions = [
    ...(after === undefined ? [] : [key.isAfter(after)]),
    ...(through === undefined ? [] : [key.isThrough(through)]),
  ]
  return conditions.length === 0 ? sql<SqlBool>`1 = 1` : sql<SqlBool>`${sql.join(conditions, sql` and `)}`
}
