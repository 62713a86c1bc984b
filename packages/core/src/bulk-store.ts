import type { DigestColumn, InsertOutcome, StoreOptions, Stretch } from './entity-store.ts'
import type { Key } from './key.ts'

/** Rows of a stretch as text, column by column. */
export interface TextColumns {
  /** In the order of the values of each column. */
  readonly keys: readonly Key[]
  /** Of each column that was asked for, its values with U+001F between them; U+001E stands for NULL. */
  readonly columns: readonly string[]
}

/** What a store can do with many rows at once, without making an object of each. */
export interface BulkStore {
  /**
   * Whether the store holds exactly these keys in a stretch, in this order. Also says no when it cannot tell: then the keys have
   * to be read.
   */
  holdsKeys(stretch: Stretch, keys: readonly Key[], options?: StoreOptions): Promise<boolean>
  /**
   * The rows of a stretch in the forms of these columns; a `decimal` may have trailing zeros, and a fraction of a second too.
   * `undefined` where they cannot be had so: a text holds one of the separators, or they are more than the server puts together.
   */
  readTexts?(
    stretch: Stretch,
    columns: readonly DigestColumn[],
    options?: StoreOptions,
  ): Promise<TextColumns | undefined>
  /**
   * `insertMissing` for rows of a stretch that another store read as text. Fails, and then as a whole, where it meets another
   * writer's row: `insertMissing` knows more of such rows. `undefined`, and nothing done, where a column takes no text of its form.
   */
  insertTexts?(
    stretch: Stretch,
    texts: TextColumns,
    columns: readonly DigestColumn[],
    options: StoreOptions,
  ): Promise<InsertOutcome | undefined>
}
