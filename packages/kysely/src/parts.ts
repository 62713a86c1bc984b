import { InvalidOptionError, textOption } from '@twinspan/core'
import type { Database } from './database.ts'
import { createTableContext, type TableContext } from './table-context.ts'

/** A table whose rows are parts of an entity's record. */
export interface PartOptions<Column extends string = string> {
  /** The column, or the columns in their order, by which both sides know a row of the part. */
  readonly key: KeyOption<Column>
  /** The column that holds the key of the record, or the columns, in the order of the record's key. */
  readonly parent: KeyOption<Column>
}

/** Key columns as `table()` takes them: one name, or a tuple for a composite key. */
export type KeyOption<Column extends string> = Column | readonly [Column, ...Column[]]

/** One part of an aggregate, its table seen in two ways. */
export interface Part {
  /** The property of the record that holds the rows. */
  readonly name: string
  /** By the part's own key. */
  readonly rows: TableContext
  /** By the key of the record that the rows belong to. */
  readonly byParent: TableContext
}

/** What a key can be made of. */
export const KEY_TYPES = 'columns of integers, text or UUIDs'

export function openParts(
  database: Database,
  table: string,
  key: readonly string[],
  options: Readonly<Record<string, PartOptions & { readonly table: string }>>,
): readonly Part[] {
  return Object.entries(options).map(([name, part]) => {
    const where = `part "${name}" of table "${table}"`
    textOption(`parts.${name}.table`, part?.table)
    const own = keyOption(part.key, `parts.${name}.key`, where)
    const parent = keyOption(part.parent, `parts.${name}.parent`, where)
    if (parent.length !== key.length) {
      const expected = `as many columns as the key of the table has (${key.length})`
      throw new InvalidOptionError(`parts.${name}.parent`, part.parent, expected, `table "${table}"`)
    }
    return {
      name,
      rows: createTableContext(database, part.table, own),
      byParent: createTableContext(database, part.table, parent),
    }
  })
}

/** @throws InvalidOptionError */
export function keyOption(value: unknown, option: string, where: string): readonly string[] {
  const columns = typeof value === 'string' ? [value] : Array.isArray(value) ? (value as readonly unknown[]) : []
  if (columns.length === 0 || columns.some((column) => typeof column !== 'string' || column === '')) {
    throw new InvalidOptionError(option, value, 'the name of a column or a tuple of names', where)
  }
  return columns as readonly string[]
}
