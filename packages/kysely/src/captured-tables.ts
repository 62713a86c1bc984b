import { type CapturedEntity, type EntityStore, InvalidOptionError } from '@twinspan/core'
import type { TableFacts } from './catalog.ts'
import type { Database } from './database.ts'

/** A table whose rows are, or belong to, records of an entity. */
export interface CapturedTable {
  readonly facts: TableFacts
  /** The database's own names of the columns in which a row holds the entity's key, in the key's order. */
  readonly key: readonly string[]
  /** Whether the rows are parts of records: several may share a key, and one without a key belongs to none. */
  readonly part: boolean
}

/** What capture and freeze know of an entity beyond its store. */
export interface TablesHandle {
  readonly database: Database
  /** @throws UnknownTableError, UnknownColumnError */
  tables(): Promise<readonly CapturedTable[]>
}

// A property and not a map of stores: `{ ...table, scan }` is still a table.
const HANDLE: unique symbol = Symbol.for('twinspan.kysely.tables')

export function withHandle<Store extends object>(store: Store, handle: TablesHandle): Store {
  return Object.assign(store, { [HANDLE]: handle })
}

export function handleOf(store: unknown): TablesHandle | undefined {
  return (store as EntityStore & { readonly [HANDLE]?: TablesHandle })[HANDLE]
}

/** The tables behind an entity's store, those that hold its parts included. */
export async function tablesOf({ name, store }: CapturedEntity, database: Database): Promise<readonly CapturedTable[]> {
  const handle = handleOf(store)
  if (handle === undefined || handle.database !== database) {
    throw new InvalidOptionError(
      `entities`,
      store,
      `tables of this side for triggers: kyselySide(db).table(...) or .watching(store, tables)`,
      `"${name}"`,
    )
  }
  return handle.tables()
}
