import type { CanonicalForm } from '@twinspan/core'
import type { Kysely, RawBuilder, SqlBool } from 'kysely'
import type { ColumnFacts } from '../catalog.ts'
import type { AnyTables } from '../database.ts'
import type { Field } from './row-text.ts'

/** What is to be digested: the rows of a table that fulfil a condition, in the order of its key. */
export interface DigestRequest {
  readonly db: Kysely<AnyTables>
  readonly table: string
  readonly where: RawBuilder<SqlBool>
  readonly order: readonly RawBuilder<unknown>[]
  /** Whether reading by the condition gives the rows in this order by itself: it is the primary key's. */
  readonly inOrder: boolean
  readonly fields: readonly Field[]
}

export interface RowsDigest {
  readonly rows: number
  readonly digest: string
}

/** How an engine makes digests. */
export interface DigestEngine {
  forms(facts: ColumnFacts): readonly CanonicalForm[]
  /** Made in the database; `undefined` when it cannot take so much at once. Absent: the rows' texts are hashed here. */
  digest?(request: DigestRequest): Promise<RowsDigest | undefined>
  /** The texts of up to `limit` rows after the first `offset`, in order. */
  texts(request: DigestRequest, page: { readonly limit: number; readonly offset: number }): Promise<readonly string[]>
}
