import { type EntityStore, InvalidOptionError, type KeyRange, type StoreOptions, textOption } from '@twinspan/core'
import type { Insertable, InsertType, Selectable, SelectType } from 'kysely'
import { createAggregate } from './aggregate.ts'
import { createBulk } from './bulk/create-bulk.ts'
import { withHandle } from './captured-tables.ts'
import { chunks } from './chunks.ts'
import type { Database } from './database.ts'
import { createDigests } from './digest/digests.ts'
import { identityOf } from './identity.ts'
import { insertMissingRows } from './insert-missing.ts'
import { makeRoom } from './make-room.ts'
import type { Int64 } from './own-tables.ts'
import { KEY_TYPES, type KeyOption, keyOption, openParts, type PartOptions } from './parts.ts'
import { rowKey } from './rows.ts'
import { saveRows } from './save.ts'
import { keysAtOnce } from './select-keys.ts'
import { createTableContext, requireUniqueKey, selectRows } from './table-context.ts'

type Row = Record<string, unknown>

export interface TableOptions {
  /** The column, or the columns in their order, by which both sides know a row. Integers, text and UUIDs. */
  readonly key: KeyOption<string>
  readonly parts?: Readonly<Record<string, PartOptions & { readonly table: string }>>
}

/** Tables that hold parts of a record, by the record's property that is to hold their rows. */
export type PartsOption<DB> = {
  readonly [part: string]: {
    [Name in keyof DB & string]: PartOptions<keyof DB[Name] & string> & { readonly table: Name }
  }[keyof DB & string]
}

type Untyped<Table> = 0 extends 1 & Table ? true : string extends keyof Table ? true : false

/** A row as a table of the database type returns it. */
export type OutputRow<Table> = Untyped<Table> extends true ? Row : Selectable<Table>

/**
 * A row as a table takes it: what Kysely would insert, the key always included. Values as the table returns them are taken
 * too, so that a JSON column accepts an object.
 */
export type InputRow<Table, Column extends string> =
  Untyped<Table> extends true
    ? Row
    : {
        // Mapped over the insertable itself, so that columns with a default and nullable ones stay optional.
        [Name in keyof Insertable<Table> as Exclude<Name, Column>]:
          | Insertable<Table>[Name]
          | SelectType<Table[Name & keyof Table]>
      } & { [Name in Column & keyof Table]: SelectType<Table[Name]> | InsertType<Table[Name]> }

type ColumnsOf<Key> = Key extends readonly (infer Column)[] ? Column : Key

/** The rows of a part as a record holds them: without the columns that say whose they are. */
type PartOutput<DB, Part> = Part extends { readonly table: infer Name extends keyof DB; readonly parent: infer Parent }
  ? readonly Omit<OutputRow<DB[Name]>, ColumnsOf<Parent> & string>[]
  : never

type PartInput<DB, Part> = Part extends {
  readonly table: infer Name extends keyof DB
  readonly key: infer Key
  readonly parent: infer Parent
}
  ? readonly Omit<InputRow<DB[Name], ColumnsOf<Key> & string>, ColumnsOf<Parent> & string>[]
  : never

/** A record with its parts as the tables return it. */
export type OutputRecord<DB, Table, Parts> = OutputRow<Table> & {
  readonly [Name in keyof Parts]: PartOutput<DB, Parts[Name]>
}

/** A record with all its parts as the tables take it. */
export type InputRecord<DB, Table, Column extends string, Parts> = InputRow<Table, Column> & {
  readonly [Name in keyof Parts]: PartInput<DB, Parts[Name]>
}

/** A table as an entity store. */
export type TableStore<Out, In> = EntityStore<Out, In> &
  Required<Omit<EntityStore<Out, In>, 'identity' | 'identities' | 'parts' | 'bulk' | 'keysAt'>>

/** A table and those that hold parts of its records, as an entity store. */
export type AggregateStore<Out, In> = EntityStore<Out, In> &
  Required<Omit<EntityStore<Out, In>, 'identity' | 'bulk' | 'forms' | 'keysAt' | 'digest' | 'written' | 'tryForms'>>

export function createTable<Out, In>(database: Database, name: string, options: TableOptions): TableStore<Out, In> {
  textOption('table', name)
  const key = keyOption(options?.key, 'key', `table "${name}"`)
  const context = createTableContext(database, name, key)
  const bulk = createBulk(context)
  const abortable = (options?: StoreOptions): { readonly signal?: AbortSignal } | undefined =>
    options?.signal === undefined ? undefined : { signal: options.signal }

  async function select(
    columns: readonly string[] | 'all',
    { after, through, limit }: KeyRange,
    options?: StoreOptions,
  ): Promise<Row[]> {
    const known = await context.known(options)
    const keyColumns = known.key
    let query = context.connection(options).selectFrom(name).limit(limit)
    if (after !== undefined) query = query.where(keyColumns.isAfter(after))
    if (through !== undefined) query = query.where(keyColumns.isThrough(through))
    for (const column of keyColumns.order) query = query.orderBy(column)
    return (columns === 'all' ? selectRows(query, known) : query.select([...columns])).execute(
      abortable(options),
    ) as Promise<Row[]>
  }

  const store: TableStore<Row, Row> = {
    name,
    keyParts: key.length,
    key: (row) => rowKey(context, row),

    async load(keys, options) {
      const known = await context.known(options)
      const rows: Row[] = []
      for (const some of chunks(known.key.bind(keys), keysAtOnce(context))) {
        const query = context.connection(options).selectFrom(name).where(known.key.isIn(some))
        rows.push(...(await selectRows(query, known).execute(abortable(options))))
      }
      return rows
    },

    scan: (range, options) => select('all', range, options),
    scanKeys: async (range, options) => (await select(key, range, options)).map((row) => rowKey(context, row)),
    save: (rows, options) => saveRows(context, rows, options),
    insertMissing: (rows, options) => insertMissingRows(context, rows, options),
    makeRoom: (change, options) => makeRoom(context, change, options),
    ...createDigests(context),
    ...(bulk === undefined ? {} : { bulk }),

    async remove(keys, options) {
      const { key: keyColumns } = await context.known(options)
      for (const some of chunks(keyColumns.bind(keys), keysAtOnce(context))) {
        await context.connection(options).deleteFrom(name).where(keyColumns.isIn(some)).execute()
      }
    },

    async count(options) {
      const { facts } = await context.known(options)
      const db = context.connection(options)
      const estimate = await database.dialect.estimate(database.ownIn(db), facts)
      if (estimate !== undefined) return { rows: estimate, exact: false }
      const row = await db
        .selectFrom(name)
        .select((eb) => eb.fn.countAll<Int64>().as('counted'))
        .executeTakeFirst(abortable(options))
      return { rows: Number(row?.counted ?? 0), exact: true }
    },

    async check() {
      context.forget()
      const known = await context.known()
      for (const column of key) {
        const facts = known.columns.get(column)
        if (facts?.kind === 'other') {
          throw new InvalidOptionError('key', `${column} (${facts.type})`, KEY_TYPES, `table "${name}"`)
        }
      }
      requireUniqueKey(context, known)
    },

    async columns() {
      const { columns } = await context.known()
      return [...columns].filter(([, { writable }]) => writable).map(([column]) => column)
    },
  }
  Object.defineProperty(store, 'identity', { enumerable: true, get: () => identityOf(context) })
  const table = withHandle(store, {
    database,
    async tables() {
      const { facts } = await context.known()
      return [{ facts, key: database.physical(name, key).columns, part: false }]
    },
  })
  const parts = openParts(database, name, key, options.parts ?? {})
  return (parts.length === 0 ? table : createAggregate(context, table, parts)) as unknown as TableStore<Out, In>
}
