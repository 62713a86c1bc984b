import { type EntityStore, InvalidOptionError, textOption, UnknownColumnError } from '@twinspan/core'
import { type CapturedTable, handleOf, withHandle } from './captured-tables.ts'
import type { Database } from './database.ts'
import { KEY_TYPES, type KeyOption, keyOption } from './parts.ts'
import { createTableContext, type TableContext } from './table-context.ts'

/** A table that feeds an entity: its name, and the columns in which its rows hold the entity's key, in the key's order. */
export type WatchedTable<DB> = {
  [Name in keyof DB & string]: { readonly table: Name; readonly key: KeyOption<keyof DB[Name] & string> }
}[keyof DB & string]

const METHODS = [
  'key',
  'load',
  'scan',
  'save',
  'remove',
  'scanKeys',
  'insertMissing',
  'makeRoom',
  'forms',
  'keyAt',
  'keysAt',
  'digest',
  'written',
  'tryForms',
  'count',
  'columns',
] as const satisfies readonly (keyof EntityStore)[]

/** A store with the tables that feed it: a row of any of them marks the key that it holds. */
export function createWatching<Out, In>(
  database: Database,
  store: EntityStore<Out, In>,
  tables: readonly { readonly table: string; readonly key: KeyOption<string> }[],
): EntityStore<Out, In> {
  const arity = store.keyParts ?? 1
  const contexts = tables.map(({ table, key }) => {
    textOption('table', table)
    const columns = keyOption(key, 'key', `table "${table}"`)
    if (columns.length !== arity) {
      throw new InvalidOptionError('key', key, `${arity} columns, as the entity's key has`, `table "${table}"`)
    }
    return createTableContext(database, table, columns)
  })
  const inner = handleOf(store)
  if (contexts.length === 0) throw new InvalidOptionError('tables', tables, 'at least one table')

  // Bound, so that a store that is an instance of a class keeps its private fields.
  const bound = METHODS.flatMap((name) => {
    const method = store[name] as ((...args: never) => unknown) | undefined
    return method === undefined ? [] : [[name, method.bind(store)]]
  })
  const watched = {
    ...(Object.fromEntries(bound) as unknown as EntityStore<Out, In>),
    name: store.name ?? contexts.map(({ name }) => name).join('+'),
    keyParts: arity,
    async check() {
      await store.check?.()
      for (const context of contexts) await checkWatched(context)
    },
  }
  for (const name of ['parts', 'identity', 'identities'] as const) {
    Object.defineProperty(watched, name, { enumerable: true, get: () => store[name] })
  }
  return withHandle(watched, {
    database,
    async tables() {
      const own = inner?.database === database ? await inner.tables() : []
      return [...own, ...(await Promise.all(contexts.map(watchedTable)))]
    },
  })
}

async function watchedTable(context: TableContext): Promise<CapturedTable> {
  const { facts } = await context.known()
  return { facts, key: context.database.physical(context.name, context.key).columns, part: true }
}

/** @throws UnknownTableError, UnknownColumnError, InvalidOptionError */
async function checkWatched(context: TableContext): Promise<void> {
  context.forget()
  const { columns } = await context.known()
  for (const column of context.key) {
    const facts = columns.get(column)
    if (facts === undefined) throw new UnknownColumnError(context.name, column, [...columns.keys()])
    if (facts.kind !== 'other') continue
    throw new InvalidOptionError('key', `${column} (${facts.type})`, KEY_TYPES, `table "${context.name}"`)
  }
}
