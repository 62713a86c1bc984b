/** A table as the database calls it. */
export interface TableName {
  readonly schema: string | undefined
  readonly name: string
}

/** How a column's values are written as text, ordered and bound. */
export type ColumnKind = 'integer' | 'decimal' | 'text' | 'uuid' | 'any' | 'other'

export interface ColumnFacts {
  /** The database's own name. */
  readonly name: string
  readonly type: string
  readonly kind: ColumnKind
  /** Bits of an integer, where a value beyond them is an error of the server. */
  readonly bits?: number
  /** Whether values are JSON documents. */
  readonly json: boolean
  /** Whether `select *` leaves the column out. */
  readonly invisible?: boolean
  /** Whether the column takes NULL. */
  readonly nullable: boolean
  /** Whether an insert that does not name the column fails. */
  readonly required: boolean
  /** Whether the column takes values at all; a generated column does not. */
  readonly writable: boolean
  /** `generated always as identity`: takes explicit values only where they are insisted on. */
  readonly insist: boolean
  /** What hands out the column's values, where that is a counter that can be moved: on PostgreSQL the sequence's name. */
  readonly generator: string | undefined
  /** Text: whether it is held as UTF-8. Only told where a database may hold it otherwise. */
  readonly utf8?: boolean
  /** Text: whether the column's own order is that of its bytes. */
  readonly byteOrder: boolean
  /** Text: whether the column's own equality is that of its bytes. */
  readonly byteEquality: boolean
}

/** A column that takes part in a unique index, also one that is partial, deferred or on an expression. */
export interface ContendedColumn {
  /** The database's own name. */
  readonly name: string
  readonly nullable: boolean
  /** Whether a foreign key, of this table or another, refers to the column. */
  readonly referenced: boolean
  /** Whether the column is part of a foreign key itself. */
  readonly references: boolean
}

export interface TableFacts extends TableName {
  readonly columns: readonly ColumnFacts[]
  /** The columns of the primary key and of every complete, immediate unique constraint, the primary key first. */
  readonly uniques: readonly (readonly string[])[]
  readonly primaryKey: readonly string[]
  /**
   * What a row can displace another by (`insert or replace`): as `uniques`, and partial indexes as if they were complete.
   * Absent: nothing displaces a row without its being deleted in front of its triggers.
   */
  readonly replaceable?: readonly (readonly string[])[]
}
