import { type CapturedEntity, type EntityStore, InvalidOptionError } from '@twinspan/core'
import type { TableFacts } from './catalog.ts'
import type { Database } from './database.ts'

/** What capture and freeze know of a table beyond its entity store. */
export interface TableHandle {
  readonly database: Database
  /** The database's own names of the key's columns, in the key's order. */
  readonly physicalKey: readonly string[]
  /** @throws UnknownTableError */
  facts(): Promise<TableFacts>
}

// A property and not a map of stores: `{ ...table, scan }` is still a table.
const HANDLE: unique symbol = Symbol.for('twinspan.kysely.table')

export function withHandle<Store extends object>(store: Store, handle: TableHandle): Store {
  return Object.assign(store, { [HANDLE]: handle })
}

/** The table behind an entity's store. */
export function tableOf({ name, store }: CapturedEntity, database: Database): TableHandle {
  const handle = (store as EntityStore & { readonly [HANDLE]?: TableHandle })[HANDLE]
  if (handle === undefined || handle.database !== database) {
    throw new InvalidOptionError(
      `entities`,
      store,
      `tables of this side for triggers: kyselySide(db).table(...)`,
      `"${name}"`,
    )
  }
  return handle
}
