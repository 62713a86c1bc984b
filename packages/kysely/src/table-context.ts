import { MissingPrimaryKeyError, type StoreOptions, UnknownColumnError, UnknownTableError } from '@twinspan/core'
import type { Kysely, SelectQueryBuilder } from 'kysely'
import type { ColumnFacts, TableFacts } from './catalog.ts'
import type { AnyTables, Database } from './database.ts'
import { createKeyColumns, type KeyColumns } from './key-columns.ts'
import { logicalNames } from './logical-names.ts'

/** A table once the catalog was read. */
export interface KnownTable {
  readonly facts: TableFacts
  /** By the application's names. */
  readonly columns: ReadonlyMap<string, ColumnFacts>
  readonly key: KeyColumns
}

/** One table of the application as the parts of an entity store see it. */
export interface TableContext {
  readonly database: Database
  /** The application's names. */
  readonly name: string
  readonly key: readonly string[]
  /** The transaction that the call works in, else the application's instance. */
  connection(options?: StoreOptions): Kysely<AnyTables>
  /** Reads the catalog at first use. */
  known(options?: StoreOptions): Promise<KnownTable>
  /** What the last look at the catalog found, without one. */
  readonly lastKnown: KnownTable | undefined
  /** Forgets what the catalog said. */
  forget(): void
  /** A row's value of each key column. */
  keyOf(row: object): readonly unknown[]
}

export function createTableContext(database: Database, name: string, key: readonly string[]): TableContext {
  let lastKnown: KnownTable | undefined

  function connection(options?: StoreOptions): Kysely<AnyTables> {
    return (options?.transaction as Kysely<AnyTables> | undefined) ?? database.app
  }

  async function look(options?: StoreOptions): Promise<KnownTable> {
    const { dialect } = database
    const physical = database.physical(name, key)
    // On the caller's connection: where there is only one, a transaction that waited for another would wait for itself.
    const facts = await dialect.describe(database.ownIn(connection(options)), physical.table)
    if (facts === undefined) throw new UnknownTableError(name)
    const columns = await logicalNames(database, facts.columns)
    const keyColumns = key.map((column) => {
      const found = columns.get(column)
      if (found === undefined) throw new UnknownColumnError(name, column, [...columns.keys()])
      return { name: column, facts: found }
    })
    return { facts, columns, key: createKeyColumns(dialect, keyColumns, name) }
  }

  return {
    database,
    name,
    key,
    connection,
    async known(options) {
      // Only what is known is shared. A promise would tie this call to another one's connection.
      lastKnown ??= await look(options)
      return lastKnown
    },
    get lastKnown() {
      return lastKnown
    },
    forget() {
      lastKnown = undefined
    },
    keyOf: (row) => key.map((column) => (row as Record<string, unknown>)[column]),
  }
}

/** @throws MissingPrimaryKeyError */
export function requireUniqueKey({ name, key, database }: TableContext, { facts }: KnownTable): void {
  const physical = database.physical(name, key).columns
  const covered = facts.uniques.some(
    (unique) => unique.length === physical.length && unique.every((column) => physical.includes(column)),
  )
  if (!covered) throw new MissingPrimaryKeyError(name, key)
}

/** The whole rows of a query of the table: `select *`, and by name where that leaves something out. */
export function selectRows<O>(
  query: SelectQueryBuilder<AnyTables, string, O>,
  { columns }: KnownTable,
): SelectQueryBuilder<AnyTables, string, Record<string, unknown>> {
  const hidden = [...columns.values()].some(({ invisible }) => invisible)
  // By name only there: what is added to a table while the process runs is in `*`.
  return (hidden ? query.select([...columns.keys()]) : query.selectAll()) as never
}
