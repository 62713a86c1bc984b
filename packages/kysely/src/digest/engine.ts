import type { CanonicalForm, Digest, Stretch } from '@twinspan/core'
import type { Kysely, RawBuilder, SqlBool } from 'kysely'
import type { ColumnFacts } from '../catalog.ts'
import type { AnyTables } from '../database.ts'
import type { KeyColumns } from '../key-columns.ts'
import type { Field } from './row-text.ts'

/** What is to be digested: rows of a table in the order of its key. */
export interface DigestRequest {
  readonly db: Kysely<AnyTables>
  readonly table: string
  /** Rows to take instead of the table's: those of the self-test. */
  readonly probe?: RawBuilder<unknown>
  readonly key: KeyColumns
  readonly order: readonly RawBuilder<unknown>[]
  /** Whether reading a stretch gives the rows in this order by itself: it is the primary key's. */
  readonly inOrder: boolean
  readonly fields: readonly Field[]
  /** What is known of the table's rows; absent where nothing is to be learnt of them. */
  readonly rows?: KnownRows
}

/** What digests of a table have learnt of its rows: in how many stretches all of them were short, and in how many not. */
export interface KnownRows {
  short: number
  long: number
}

export interface Page {
  readonly where: RawBuilder<SqlBool>
  readonly limit: number
  readonly offset: number
}

/** How an engine makes digests. */
export interface DigestEngine {
  forms(facts: ColumnFacts): readonly CanonicalForm[]
  /**
   * One digest for the rows of each stretch, made in the database by one statement; `undefined` where that is more than it
   * can take at once. Absent: the rows' texts are hashed here.
   */
  digest?(request: DigestRequest, stretches: readonly Stretch[]): Promise<readonly (Digest | undefined)[]>
  /** The texts of up to `limit` rows after the first `offset`, in order. */
  texts(request: DigestRequest, page: Page): Promise<readonly string[]>
}
