import type { BoundSide, EntityStore, Side, SideScope, StateStore } from '@twinspan/core'
import type { Kysely } from 'kysely'
import { createCapture } from './capture.ts'
import { createCaptureWrite } from './capture-write.ts'
import { createCopy } from './copy.ts'
import { type Database, openDatabase } from './database.ts'
import { createExamine } from './doctor.ts'
import { createFence } from './fence.ts'
import { createFreeze } from './freeze.ts'
import { createIntents } from './intents.ts'
import { createJournal } from './journal.ts'
import { createJournalHints } from './journal-hints.ts'
import { nameOption } from './names.ts'
import type { KeyOption } from './parts.ts'
import { patient } from './patient.ts'
import { isStalePhase } from './stale.ts'
import type { FollowOptions, Hints } from './state/follow.ts'
import { hintsOption, openStateStore } from './state-store.ts'
import { stripeRows } from './stripes.ts'
import {
  type AggregateStore,
  createTable,
  type InputRecord,
  type InputRow,
  type OutputRecord,
  type OutputRow,
  type PartsOption,
  type TableOptions,
  type TableStore,
} from './table.ts'
import { createWatching, type WatchedTable } from './watching.ts'

/** A database as a side of a migration, with its tables as entity stores and a state store in it. */
export interface KyselySide<DB> extends Side {
  readonly store: StateStore
  /**
   * A table as an entity store. Rows go in and out as this Kysely instance has them, plugins and schema included.
   *
   * @example
   * kyselySide(db).table('members', { key: 'member_id' })
   * kyselySide(db).table('seats', { key: ['plane', 'seat'] })
   */
  table<Name extends keyof DB & string, const Column extends keyof DB[Name] & string>(
    name: Name,
    options: { readonly key: KeyOption<Column> },
  ): TableStore<OutputRow<DB[Name]>, InputRow<DB[Name], Column>>
  /**
   * A table whose records have parts in other tables. Each part is an array of rows in the record, in the order of its
   * key, without the columns that hold the record's key. A change of any part marks the record's key. Saving a record saves
   * its parts, and removes those that it no longer has.
   *
   * @example
   * kyselySide(db).table('orders', { key: 'id', parts: { lines: { table: 'order_lines', key: 'id', parent: 'order_id' } } })
   */
  table<
    Name extends keyof DB & string,
    const Column extends keyof DB[Name] & string,
    const Parts extends PartsOption<DB>,
  >(
    name: Name,
    options: { readonly key: KeyOption<Column>; readonly parts: Parts },
  ): AggregateStore<OutputRecord<DB, DB[Name], Parts>, InputRecord<DB, DB[Name], Column, Parts>>
  /**
   * A store of your own with the tables of this side that feed it, so that triggers and the freeze cover them. A row marks
   * the key that it holds; one that holds NULL there marks nothing.
   *
   * @example
   * kyselySide(db).watching(orderStore, [{ table: 'orders', key: 'id' }, { table: 'order_lines', key: 'order_id' }])
   */
  watching<Out, In>(
    store: EntityStore<Out, In>,
    tables: readonly [WatchedTable<DB>, ...WatchedTable<DB>[]],
  ): EntityStore<Out, In>
}

/**
 * Everything that a migration needs of a database: journal, fence, stripes, capture, freeze, tables, state store.
 * PostgreSQL, PGlite, MySQL, MariaDB and SQLite, through the application's own Kysely instance and driver.
 *
 * @throws UnsupportedEngineError, InvalidOptionError
 */
export function kyselySide<DB>(db: Kysely<DB>, options: FollowOptions = {}): KyselySide<DB> {
  const database = openDatabase(db)
  // One connection hears of documents and of marks.
  const hints = hintsOption(database, options)
  return {
    engine: database.dialect.engine,
    store: openStateStore(database, hints),
    // One implementation of two signatures.
    table: ((name: string, options: TableOptions) =>
      createTable(database, name, options)) as unknown as KyselySide<DB>['table'],
    watching: (store, tables) => createWatching(database, store, tables),
    bind: (scope) => bindSide(database, scope, hints),
  }
}

function bindSide(
  database: Database,
  { migration, side, intents = false }: SideScope,
  hints: Hints | undefined,
): BoundSide {
  const scope = { migration: nameOption('name', migration), side }
  const stripesReady = stripeRows(database, scope)
  return {
    name: side,
    engine: database.dialect.engine,
    connection: database.app,
    journal: patient(database, createJournal(database, scope, intents)),
    intents: patient(database, createIntents(database, scope)),
    fence: createFence(database, scope),
    capture: createCapture(database, scope),
    freeze: createFreeze(database, scope),
    async prepare() {
      await database.prepare()
      await stripesReady()
    },
    copy: createCopy(database, scope, stripesReady),
    captureWrite: createCaptureWrite(database, scope),
    examine: createExamine(database, scope),
    onConnection: (work) => database.app.connection().execute(work),
    ...(hints === undefined ? {} : { hints: createJournalHints(hints, scope) }),
    isStalePhase,
  }
}
