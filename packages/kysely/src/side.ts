import type { BoundSide, Side, SideScope, StateStore } from '@twinspan/core'
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
import { nameOption } from './names.ts'
import { patient } from './patient.ts'
import { isStalePhase } from './stale.ts'
import type { FollowOptions } from './state/follow.ts'
import { kyselyStateStore } from './state-store.ts'
import { stripeRows } from './stripes.ts'
import { createTable, type InputRow, type KeyOption, type OutputRow, type TableStore } from './table.ts'

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
}

/**
 * Everything that a migration needs of a database: journal, fence, stripes, capture, freeze, tables, state store.
 * PostgreSQL, PGlite, MySQL, MariaDB and SQLite, through the application's own Kysely instance and driver.
 *
 * @throws UnsupportedEngineError, InvalidOptionError
 */
export function kyselySide<DB>(db: Kysely<DB>, options?: FollowOptions): KyselySide<DB> {
  const database = openDatabase(db)
  return {
    engine: database.dialect.engine,
    store: kyselyStateStore(db, options),
    table: (name, options) => createTable(database, name, options),
    bind: (scope) => bindSide(database, scope),
  }
}

function bindSide(database: Database, { migration, side, intents = false }: SideScope): BoundSide {
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
    isStalePhase,
  }
}
