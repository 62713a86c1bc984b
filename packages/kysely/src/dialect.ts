import type {
  ColumnDataType,
  ColumnDefinitionBuilder,
  Expression,
  IsolationLevel,
  Kysely,
  RawBuilder,
  SqlBool,
} from 'kysely'
import type { ColumnFacts, ContendedColumn, TableFacts, TableName } from './catalog.ts'
import type { OwnTables } from './own-tables.ts'
import type { CaptureRequest, FreezeRequest, Surroundings, Trigger } from './triggers.ts'

/** What one migration does on one side. */
export interface Scope {
  readonly migration: string
  readonly side: 'legacy' | 'target'
}

/** A column of one of Twinspan's own tables: what the engine calls its type. */
export type OwnColumn = 'name' | 'text' | 'key' | 'document' | 'integer'

/** What an error of a driver means to us. */
export type Trouble = 'lock-timeout' | 'busy' | 'deadlock' | 'unique' | 'other'

/**
 * Everything in which the engines differ, one object per engine. The rest of the package is written once.
 *
 * `db` is always free of the application's plugins.
 */
export interface Dialect {
  readonly engine: 'postgres' | 'mysql' | 'sqlite'
  /** How many parameters one statement may carry. */
  readonly maxParameters: number
  /** Milliseconds since 1970, by the database's clock. */
  readonly now: RawBuilder<number>
  /** The isolation in which a copy and a fence change read what others committed while they waited for a lock. */
  readonly isolation: IsolationLevel | undefined
  /** The isolation in which several statements read one snapshot, where that is not what a transaction does anyway. */
  readonly snapshotIsolation: IsolationLevel | undefined
  /** Whether `(a, b) > (x, y)` is understood and served by an index. */
  readonly comparesTuples: boolean
  /** Whether `insert ... on conflict` exists. MySQL's relative updates the wrong row when another unique key collides. */
  readonly onConflict: boolean
  /** Whether a statement may write in its `with`, seeing what the rest of it sees. */
  readonly writesInWith: boolean

  typeOf(column: OwnColumn): ColumnDataType | RawBuilder<unknown>
  identity(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder
  /** What follows the column list of `create table`. */
  readonly tableOptions: RawBuilder<unknown> | undefined
  /** The one index beside the primary key that earns its place: "is this key dirty" asks it. Idempotent. */
  indexJournal(db: Kysely<OwnTables>): Promise<void>
  /**
   * A column of the journal in a condition that is better served by the primary key than by the index, where the planner
   * cannot tell by itself: it would read the whole journal to find a few ids.
   */
  byPrimaryKey(column: string): RawBuilder<unknown>
  /**
   * A condition that no index is chosen for and that is taken to hold for many rows, so that an ordered walk along the primary
   * key that stops at its limit looks as cheap as it is. A table whose rows come and go has statistics that say anything.
   */
  opaque?(condition: RawBuilder<SqlBool>): RawBuilder<SqlBool>
  /**
   * Lets the rest of a transaction find many rows by their ids through the primary key, whatever the statistics say. For those
   * who have a thousand ids: the planner would rather read the whole journal.
   */
  byIndexOnly?(db: Kysely<OwnTables>): Promise<void>
  trouble(error: unknown): Trouble

  /** Settings of the session around a transaction; the result puts the old ones back. */
  limitSession(db: Kysely<OwnTables>, timeoutMs: number): Promise<() => Promise<void>>
  /**
   * The first statement of a transaction of ours: locks wait no longer than `timeoutMs`, a transaction that lies idle for
   * so long is ended by the server, and where there is one writer this makes us the writer.
   */
  begin(db: Kysely<OwnTables>, scope: Scope, timeoutMs: number): Promise<void>
  /** Says that this transaction copies: capture lets it pass until its end. Called after `begin`. */
  markCopy(db: Kysely<OwnTables>, scope: Scope): Promise<void>
  /** The last statement of a copy. */
  unmarkCopy(db: Kysely<OwnTables>, scope: Scope): Promise<void>

  /** Holds the fence of the scope, shared or exclusively, until the transaction ends. First come, first served. */
  holdFence(db: Kysely<OwnTables>, scope: Scope, mode: 'shared' | 'exclusive'): Promise<void>
  /** For a statement that reads the fence row and has to hold it: a condition, and what ends the statement. */
  fenceGuard(scope: Scope): { readonly condition: RawBuilder<boolean>; readonly suffix: RawBuilder<unknown> }
  /** After marks that no trigger made, in their transaction: tells the mirrors that sleep, where the engine can. */
  readonly tellSleepers?: (db: Kysely<OwnTables>, scope: Scope) => Promise<void>
  /**
   * Capture by transaction where a failed statement fails its transaction: the fence's check and the marks as one statement
   * without parameters, and what has to be created for it in a schema.
   */
  readonly marks:
    | {
        create(schema: string): string
        call(schema: string | undefined, scope: Scope): (entity: string, keyTexts: readonly string[]) => string
      }
    | undefined
  /** Locks stripes in ascending order and returns those that are held now. */
  lockStripes(
    db: Kysely<OwnTables>,
    scope: Scope,
    stripes: readonly number[],
    skip: boolean,
  ): Promise<readonly number[]>

  /** What the catalog says of a table; `undefined` when there is none. */
  describe(db: Kysely<OwnTables>, table: TableName): Promise<TableFacts | undefined>
  /** The columns on which unique indexes of a table depend, as far as the catalog tells. */
  contended(db: Kysely<OwnTables>, table: TableFacts): Promise<readonly ContendedColumn[]>
  /** A value as the driver takes it for this column. */
  encode(value: unknown, column: ColumnFacts, table: string): unknown
  /** A text column as bytes: equality without collation, and the order in which every engine agrees. */
  bytes(text: Expression<unknown>): RawBuilder<unknown>
  /** A text column for `order by` and `<`: by its bytes, by the index where that is possible. */
  ordered(column: Expression<unknown>, facts: ColumnFacts): Expression<unknown>
  /**
   * `column in (...)` with one parameter for all values, and the rows of an insert with one per column: what the client and
   * the server do for each parameter is most of what a large statement costs. `undefined` where that cannot be said.
   */
  amongArray?(
    column: RawBuilder<unknown>,
    values: readonly unknown[],
    facts: Pick<ColumnFacts, 'type'>,
  ): RawBuilder<SqlBool> | undefined
  rowsAsArrays?(
    rows: readonly Readonly<Record<string, unknown>>[],
    columns: readonly Pick<ColumnFacts, 'type'>[],
    names: readonly string[],
  ): RawBuilder<unknown> | undefined
  /** A list of tuples after `in`. */
  tuples(tuples: readonly RawBuilder<unknown>[]): RawBuilder<unknown>
  /** Ends a select of rows that are about to be updated. */
  readonly forUpdate: RawBuilder<unknown>
  /** The number of rows, exactly or as the engine estimates it where counting would be dear. */
  estimate(db: Kysely<OwnTables>, facts: TableFacts): Promise<number | undefined>
  /** The next value of the generator behind a column that has one. */
  nextIdentity(db: Kysely<OwnTables>, table: TableFacts, column: ColumnFacts): Promise<bigint>
  /** Makes the generator hand out at least `next`. Never moves it back. */
  moveIdentity(db: Kysely<OwnTables>, table: TableFacts, column: ColumnFacts, next: bigint): Promise<void>

  /** `schema` is the one that the application chose, if it did. */
  surroundings(db: Kysely<OwnTables>, schema: string | undefined): Promise<Surroundings>
  captureTriggers(request: CaptureRequest): readonly Trigger[]
  freezeTriggers(request: FreezeRequest): readonly Trigger[]
  /** Definitions of the triggers of ours on a table, by name, in the form of `Trigger.definition`. */
  installedTriggers(db: Kysely<OwnTables>, facts: TableFacts): Promise<ReadonlyMap<string, string>>
  /** Refused writes so far; `null` where the engine forgets what a rolled back statement counted. */
  deniedWrites(db: Kysely<OwnTables>, scope: Scope, surroundings: Surroundings): Promise<number | null>
  /** Runs DDL that must not queue users behind it: all of it or nothing where the engine can, lock waits below a second. */
  runDdl(db: Kysely<OwnTables>, statements: readonly string[]): Promise<void>
}
