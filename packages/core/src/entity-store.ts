import type { BulkStore } from './bulk-store.ts'
import type { Key } from './key.ts'

/** What every call on a store may carry. */
export interface StoreOptions {
  /**
   * The transaction to work in, as the side that owns the store handed it out (`Copy.transaction`). A Kysely side hands
   * out a Kysely `Transaction`. Absent: the store's own connection.
   */
  readonly transaction?: unknown
  /**
   * The fencing token of a copy to an opaque side. A store with `guard: 'version'` keeps the highest that it was given for a
   * key, for a removed key too, and throws for a lower one before it changes anything of that key. An equal one is the same copy.
   */
  readonly version?: bigint
  readonly signal?: AbortSignal
}

/** A stretch of the key order: `after` is excluded, `through` is included, either may be open. */
export interface Stretch {
  readonly after?: Key
  readonly through?: Key
}

export interface KeyRange extends Stretch {
  readonly limit: number
}

/** What `insertMissing` did with the rows it was given. */
export interface InsertOutcome {
  readonly inserted: number
  /**
   * Keys whose row is absent and could not be inserted because another row holds one of its unique values. They belong
   * into the journal: the mirror copies them when it can.
   */
  readonly conflicts: readonly Key[]
}

/** What is about to be saved and removed in one transaction. */
export interface PendingChange<In = unknown> {
  readonly saved: readonly In[]
  readonly removed: readonly Key[]
}

/**
 * How a value is written so that two engines write it alike:
 *
 * | form | |
 * |---|---|
 * | `integer` | decimal digits; a boolean is `1` or `0` |
 * | `decimal` | digits without trailing zeros after the point |
 * | `double` | the shortest digits that give the same double, `-0` as `0`; an exponent (`1e15`, `1e-16`) below 1e-15, and from 1e15 on for those without a fraction |
 * | `text` | the characters |
 * | `uuid` | 36 characters, lower case |
 * | `bytes` | hexadecimal, lower case |
 * | `date`, `time`, `datetime` | `YYYY-MM-DD`, `HH:MM:SS`, both with a blank between; fractions without trailing zeros |
 * | `instant` | a `datetime` in UTC |
 */
export type CanonicalForm =
  | 'integer'
  | 'decimal'
  | 'double'
  | 'text'
  | 'uuid'
  | 'bytes'
  | 'date'
  | 'time'
  | 'datetime'
  | 'instant'

export interface ColumnForms {
  readonly forms: readonly CanonicalForm[]
  readonly nullable: boolean
  /** The digits after the point that every value of the column has, where it is a decimal that has so many. */
  readonly scale?: number
  /** Whether a double can be written as its 64 bits: sixteen hexadecimal digits, the sign first, and `-0` as `0`. */
  readonly bits?: boolean
}

export interface DigestColumn {
  readonly name: string
  readonly form: CanonicalForm
  /** Whether the column may hold NULL on either side. */
  readonly nullable: boolean
  /** Of a `decimal` that has so many digits after the point on both sides: they are written all, which costs less. */
  readonly scale?: number
  /** Of a `double` of which both sides can write the bits: a digest takes those, which costs less than the shortest digits. */
  readonly bits?: boolean
}

/** A row's values in canonical forms. */
export interface WrittenRow {
  readonly key: Key
  /** In the order of the columns that were asked for; `null` for NULL. */
  readonly values: readonly (string | null)[]
}

/** What a form made of a probe that it should not have. */
export interface FormFailure {
  /** `undefined` where every column was as it should be, and the row that they make was not. */
  readonly column: string | undefined
  /** In words, without a value of the application. */
  readonly reason: string
}

export interface Digest {
  readonly rows: number
  /** Hexadecimal. What it is for no rows is the same everywhere. */
  readonly digest: string
}

/**
 * How one side reads and writes one kind of record. `Out` is the row as the side returns it, `In` as it takes it.
 *
 * Four functions are enough; what is optional makes more of the library available (`insertMissing`: backfill;
 * `makeRoom`: rows that swap unique values; `identity`: the switch; `check` and `columns`: errors before the first write instead of after it).
 */
export interface EntityStore<Out = unknown, In = Out> {
  /** What messages call it; a table's name. */
  readonly name?: string
  /**
   * The key of a row.
   *
   * @default the row's property `id`
   */
  key?(row: Out | In): Key
  /** How many values make the key. @default 1 */
  readonly keyParts?: number
  /** The rows of these keys, in any order; a key that has no row is left out. Reads the primary, never a replica. */
  load(keys: readonly Key[], options?: StoreOptions): Promise<readonly Out[]>
  /** Up to `limit` rows in ascending key order. Fewer than `limit` means that the range is exhausted. */
  scan(range: KeyRange, options?: StoreOptions): Promise<readonly Out[]>
  /** Upserts these rows. Columns that a row does not name keep their value. */
  save(rows: readonly In[], options?: StoreOptions): Promise<void>
  /** Removes these keys; a key that has no row is no error. */
  remove(keys: readonly Key[], options?: StoreOptions): Promise<void>
  /** The keys of a stretch, in ascending order, without the rows. Derived from `scan` when absent. */
  scanKeys?(range: KeyRange, options?: StoreOptions): Promise<readonly Key[]>
  /** Inserts the rows whose primary key is absent and touches nothing else. */
  insertMissing?(rows: readonly In[], options?: StoreOptions): Promise<InsertOutcome>
  /**
   * Takes the unique values that these rows hold now out of each other's way, so that the rows can be saved whatever the
   * order in which values move between them: two rows that swap an e-mail, a ring of three. Called inside the transaction
   * (`options.transaction` is required) that saves and removes exactly these rows next, and that is rolled back when one
   * of them cannot be.
   *
   * Changes rows in place: no row is deleted, nothing that references one is touched, and of a saved row only columns that
   * it names are given another value until it is saved. What cannot be moved under these rules stays where it is.
   */
  makeRoom?(change: PendingChange<In>, options: StoreOptions): Promise<void>
  /** In which forms each column can be written into a digest, the best first, by the column's name. Without it a comparison reads the rows. */
  forms?(): Promise<ReadonlyMap<string, ColumnForms>>
  /** The key of the `n`th row of a stretch, in ascending key order; `undefined` when it has fewer. */
  keyAt?(stretch: Stretch, n: number, options?: StoreOptions): Promise<Key | undefined>
  /**
   * The keys of every `n`th row of a stretch, the first `most` of them, for about what it costs to walk along an index. Without it
   * a comparison asks `keyAt` for one after the other.
   */
  keysAt?(stretch: Stretch, n: number, most: number, options?: StoreOptions): Promise<readonly Key[]>
  /**
   * A digest of each of the stretches, which are in ascending order themselves, made where the rows are, over their values in
   * ascending key order. Two stores that
   * hold the same values in the same order and forms give the same digest; any other row, value or order gives another one.
   */
  digest?(
    stretches: readonly Stretch[],
    columns: readonly DigestColumn[],
    options?: StoreOptions,
  ): Promise<readonly Digest[]>
  /**
   * The values of these columns as `digest` takes them, exact where a driver's are not: microseconds, integers beyond 2^53, the
   * last digits of a FLOAT. Of these keys, or of a stretch in ascending key order.
   */
  written?(
    rows: readonly Key[] | KeyRange,
    columns: readonly DigestColumn[],
    options?: StoreOptions,
  ): Promise<readonly WrittenRow[]>
  /**
   * Writes probes in the forms of these columns, by the expressions and in the session that `digest` works with, and says what
   * did not come out as the form promises. Writes nothing into any table.
   */
  tryForms?(columns: readonly DigestColumn[], options?: StoreOptions): Promise<readonly FormFailure[]>
  /** What the store can do with many rows at once, where it can do more than row by row. */
  readonly bulk?: BulkStore
  /** How many rows there are: exact, or the engine's estimate where counting is dear. */
  count?(options?: StoreOptions): Promise<{ readonly rows: number; readonly exact: boolean }>
  /** Throws a typed error when the table, a column of its key or its primary key constraint is missing. Writes nothing. */
  check?(): Promise<void>
  /** The names of the columns that `save` can take. */
  columns?(): Promise<readonly string[]>
  /** The generator behind the key, where the engine has one. */
  readonly identity?: Identity
  /** The properties of a record that are arrays of rows of other tables. They are compared as rows are. */
  readonly parts?: readonly string[]
  /** The generators of keys of parts of the record that stand in tables of their own, by the part's name. */
  readonly identities?: Readonly<Record<string, Identity>>
}

/** The sequence, identity or auto-increment counter that makes new keys. Explicit keys do not move it by themselves. */
export interface Identity {
  /** The next value that the generator would hand out, and the largest key in the table (0 when empty). */
  read(): Promise<{ readonly next: bigint; readonly largest: bigint }>
  /** Makes the generator hand out at least `next`. Never moves it back. */
  moveTo(next: bigint): Promise<void>
}
