import {
  createMigration,
  defineEntity,
  type Entity,
  type Migration,
  type Side,
  type StateStore,
  sameColumns,
} from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import { type Kysely, sql } from 'kysely'
import { type Addresses, connect } from '../world.ts'
import type { Mapping } from './messages.ts'

/**
 * History, and what users make of it. The text of a row begins with a number that grows with every write of its key; `ref`
 * says whose row it is, and never changes.
 */
export interface LegacyTables {
  records: { record_id: number; txt: string; ref: string }
}
export interface TargetTables {
  items: { id: number; label: string; ref: string }
}

/** Between two keys of history one is left free, for rows that users add. */
export const STEP = 2

export const refOf = (key: number): string => `r${key}`

export const FIRST_VALUE = '0.history'

export interface World {
  readonly migration: Migration
  readonly records: Entity
  readonly legacyDb: Kysely<LegacyTables>
  readonly targetDb: Kysely<TargetTables>
}

/** Puts others in the place of what a process has. */
export interface Wraps {
  readonly side: (side: Side) => Side
  readonly store: <Store extends object>(name: 'legacy' | 'target', store: Store) => Store
  readonly stateStore: (store: StateStore) => StateStore
}

const AS_IT_IS: Wraps = { side: (side) => side, store: (_name, store) => store, stateStore: (store) => store }

/** One process's view of the migration. */
export function openWorld(addresses: Addresses, mapping: Mapping, wraps: Wraps = AS_IT_IS): World {
  const legacyDb = connect<LegacyTables>(addresses.legacy)
  const targetDb = connect<TargetTables>(addresses.target)
  const legacy = kyselySide(legacyDb)
  const target = kyselySide(targetDb)
  const common = {
    name: 'records',
    legacy: wraps.store('legacy', legacy.table('records', { key: 'record_id' })),
    target: wraps.store('target', target.table('items', { key: 'id' })),
  }
  const records =
    mapping === 'columns'
      ? defineEntity({ ...common, ...sameColumns({ record_id: 'id', txt: 'label', ref: 'ref' }) })
      : defineEntity({
          ...common,
          toTarget: ({ record_id, txt, ref }) => ({ id: record_id, label: txt, ref }),
          toLegacy: ({ id, label, ref }) => ({ record_id: id, txt: label, ref }),
        })
  const migration = createMigration({
    name: 'history',
    legacy: wraps.side(legacy),
    target: wraps.side(target),
    store: wraps.stateStore(target.store),
    entities: [records as Entity],
    refreshMs: 200,
    leaseMs: 2_000,
  })
  return { migration, records: records as Entity, legacyDb, targetDb }
}

/** Makes the tables, with so many rows of history on legacy. */
export async function createTables(
  legacyDb: Kysely<unknown>,
  targetDb: Kysely<unknown>,
  engine: 'postgres' | 'mariadb',
  rows: number,
): Promise<void> {
  await sql`create table records (record_id int primary key, txt varchar(60) not null, ref varchar(40) not null)`.execute(
    legacyDb,
  )
  // No unique reference here: a row that came twice is to be seen, and not to be an error.
  await sql`create table items (id int primary key, label varchar(60) not null, ref varchar(40) not null)`.execute(
    targetDb,
  )
  const numbers = engine === 'mariadb' ? `(select seq as n from seq_1_to_${rows})` : `generate_series(1, ${rows})`
  await sql`insert into records (record_id, txt, ref)
    select n * ${sql.lit(STEP)}, ${sql.lit(FIRST_VALUE)}, concat('r', n * ${sql.lit(STEP)})
    from ${sql.raw(numbers)} ${sql.raw(engine === 'mariadb' ? 'numbers' : 'numbers(n)')}`.execute(legacyDb)
}

/** What users do. */
export interface Records {
  put(key: number, value: string): Promise<void>
  remove(key: number): Promise<void>
  /** Deletes the row and inserts another one, in one transaction. */
  replace(key: number, value: string): Promise<void>
}

interface Shape {
  readonly table: string
  readonly key: string
  readonly text: string
}

export const LEGACY_SHAPE: Shape = { table: 'records', key: 'record_id', text: 'txt' }
export const TARGET_SHAPE: Shape = { table: 'items', key: 'id', text: 'label' }

export class TableRecords implements Records {
  readonly #db: Kysely<unknown>
  readonly #shape: Shape

  constructor(db: Kysely<unknown>, shape: Shape) {
    this.#db = db
    this.#shape = shape
  }

  async put(key: number, value: string): Promise<void> {
    await this.#upsert(this.#db, key, value)
  }

  async remove(key: number): Promise<void> {
    await this.#delete(this.#db, key)
  }

  async replace(key: number, value: string): Promise<void> {
    const work = async (db: Kysely<unknown>): Promise<void> => {
      await this.#delete(db, key)
      await this.#upsert(db, key, value)
    }
    await (this.#db.isTransaction ? work(this.#db) : this.#db.transaction().execute(work))
  }

  async #upsert(db: Kysely<unknown>, one: number, value: string): Promise<void> {
    const { table, key, text } = this.#shape
    const insert = sql`insert into ${sql.table(table)} (${sql.ref(key)}, ${sql.ref(text)}, ref) values (${one}, ${value}, ${refOf(one)})`
    const update = sql`${sql.ref(text)} = ${value}`
    await (db.getExecutor().adapter.supportsReturning
      ? sql`${insert} on conflict (${sql.ref(key)}) do update set ${update}`
      : sql`${insert} on duplicate key update ${update}`
    ).execute(db)
  }

  async #delete(db: Kysely<unknown>, one: number): Promise<void> {
    const { table, key } = this.#shape
    await sql`delete from ${sql.table(table)} where ${sql.ref(key)} = ${one}`.execute(db)
  }
}
