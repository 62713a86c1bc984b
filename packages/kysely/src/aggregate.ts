import {
  type EntityStore,
  type Identity,
  type InsertOutcome,
  InvalidOptionError,
  type Key,
  keyText,
  type StoreOptions,
} from '@twinspan/core'
import type { Kysely } from 'kysely'
import { type CapturedTable, handleOf, withHandle } from './captured-tables.ts'
import type { AnyTables } from './database.ts'
import { identityOf } from './identity.ts'
import { insertAbsentRows } from './insert-missing.ts'
import { bare, clearPart, loadPart, removeParts, savePart, wantedOf } from './part-rows.ts'
import { KEY_TYPES, type Part } from './parts.ts'
import { rowKey } from './rows.ts'
import { requireUniqueKey, type TableContext } from './table-context.ts'

type Row = Record<string, unknown>

type RootStore = Required<Omit<EntityStore<Row, Row>, 'identity' | 'identities' | 'parts' | 'bulk' | 'keysAt'>> &
  EntityStore<Row, Row>
type Store = Omit<EntityStore<Row, Row>, 'bulk' | 'forms' | 'digest' | 'written' | 'tryForms'>

/**
 * A store of records whose parts stand in tables of their own. A record is read in one snapshot, one query per table, and
 * written in one transaction.
 *
 * `forms`, `digest` and what belongs to them are left out: a digest of the one table would say nothing of the others.
 */
export function createAggregate(context: TableContext, root: RootStore, parts: readonly Part[]): Store {
  const { database } = context
  const {
    bulk: _bulk,
    forms: _forms,
    digest: _digest,
    written: _written,
    tryForms: _tryForms,
    identity: _identity,
    ...table
  } = root
  const keyOf = (row: object): Key => rowKey(context, row)

  /** Everything that is written becomes visible together. */
  function writing<T>(options: StoreOptions | undefined, work: (db: Kysely<AnyTables>) => Promise<T>): Promise<T> {
    if (options?.transaction !== undefined) return work(options.transaction as Kysely<AnyTables>)
    return database.app.transaction().execute(work)
  }

  /** Everything that is read was there at one moment: a record put together from two would be one that never was. */
  function reading<T>(options: StoreOptions | undefined, work: (options: StoreOptions) => Promise<T>): Promise<T> {
    if (options?.transaction !== undefined) return work(options)
    const { snapshotIsolation } = database.dialect
    const transaction = database.app.transaction()
    const isolated = snapshotIsolation === undefined ? transaction : transaction.setIsolationLevel(snapshotIsolation)
    return isolated.execute((db) => work({ ...options, transaction: db }))
  }

  async function withParts(rows: readonly Row[], options: StoreOptions): Promise<readonly Row[]> {
    if (rows.length === 0) return []
    const keys = rows.map(keyOf)
    const held = new Map<string, ReadonlyMap<string, readonly Row[]>>()
    for (const part of parts) held.set(part.name, await loadPart(part, keys, options))
    return rows.map((row, index) => {
      const text = keyText(keys[index] as Key)
      const own = parts.map(({ name }) => [name, held.get(name)?.get(text) ?? []])
      return { ...row, ...Object.fromEntries(own) }
    })
  }

  const store: Store = {
    ...table,
    parts: parts.map(({ name }) => name),

    load: (keys, options) => reading(options, async (own) => withParts(await root.load(keys, own), own)),
    scan: (range, options) => reading(options, async (own) => withParts(await root.scan(range, own), own)),

    save: (rows, options) =>
      writing(options, async (db) => {
        const own = { ...options, transaction: db }
        await root.save(
          rows.map((row) => bare(parts, row)),
          own,
        )
        for (const part of parts) {
          const wanted = wantedOf(part, rows, keyOf)
          if (wanted.length === 0) continue
          await clearPart(part, wanted, db)
          await savePart(part, wanted, db)
        }
      }),

    remove: (keys, options) =>
      writing(options, async (db) => {
        await removeParts(parts, keys, db)
        await root.remove(keys, { ...options, transaction: db })
        // A backfill may have inserted the record, whole, between the two statements.
        await removeParts(parts, keys, db)
      }),

    insertMissing: (rows, options) =>
      writing(options, async (db): Promise<InsertOutcome> => {
        const own = { ...options, transaction: db }
        const { added, conflicts } = await insertAbsentRows(
          context,
          rows.map((row) => bare(parts, row)),
          own,
        )
        const fresh = rows.filter((row) => added.has(keyText(keyOf(row))))
        const incomplete = new Map<string, Key>()
        for (const part of parts) {
          const wanted = wantedOf(part, fresh, keyOf)
          const { added: placed } = await insertAbsentRows(
            part.rows,
            wanted.flatMap((one) => one.rows),
            own,
          )
          for (const { parent, rows: of } of wanted) {
            if (of.some((row) => !placed.has(keyText(part.rows.keyOf(row) as never))))
              incomplete.set(keyText(parent), parent)
          }
        }
        // Another record holds a part of these, or a unique value of it: they wait for the mirror, whole.
        const waiting = [...incomplete.values()]
        if (waiting.length > 0) await store.remove(waiting, own)
        return { inserted: added.size - waiting.length, conflicts: [...conflicts, ...waiting] }
      }),

    // The rows that records lose go first: another record of the same change may be waiting for them.
    async makeRoom({ saved, removed }, options) {
      await root.makeRoom({ saved: saved.map((row) => bare(parts, row)), removed }, options)
      const db = options.transaction as Kysely<AnyTables>
      await removeParts(parts, removed, db)
      for (const part of parts) await clearPart(part, wantedOf(part, saved, keyOf), db)
    },

    async check() {
      await root.check()
      const { columns } = await context.known()
      for (const part of parts) {
        if (columns.has(part.name)) {
          throw new InvalidOptionError('parts', part.name, 'names that are no columns', `table "${context.name}"`)
        }
        await checkPart(context, part)
      }
    },

    columns: async () => [...(await root.columns()), ...parts.map(({ name }) => name)],
  }
  // Getters: whether there is a generator shows once the catalog was read.
  Object.defineProperty(store, 'identity', { enumerable: true, get: () => identityOf(context) })
  Object.defineProperty(store, 'identities', {
    enumerable: true,
    get: (): Readonly<Record<string, Identity>> =>
      Object.fromEntries(
        parts.flatMap(({ name, rows }) => {
          const identity = identityOf(rows)
          return identity === undefined ? [] : [[name, identity]]
        }),
      ),
  })
  return withHandle(store, {
    database,
    async tables() {
      const own = (await handleOf(root)?.tables()) ?? []
      return [...own, ...(await Promise.all(parts.map(partTable)))]
    },
  })
}

async function partTable({ byParent }: Part): Promise<CapturedTable> {
  const { facts } = await byParent.known()
  return { facts, key: byParent.database.physical(byParent.name, byParent.key).columns, part: true }
}

/** @throws UnknownTableError, UnknownColumnError, MissingPrimaryKeyError, InvalidOptionError */
async function checkPart(context: TableContext, { name, rows, byParent }: Part): Promise<void> {
  rows.forget()
  byParent.forget()
  const known = await rows.known()
  const { columns } = await byParent.known()
  const parent = await context.known()
  requireUniqueKey(rows, known)
  const where = `part "${name}" of table "${context.name}"`
  for (const column of rows.key) {
    const facts = known.columns.get(column)
    if (facts?.kind === 'other') throw new InvalidOptionError('key', `${column} (${facts.type})`, KEY_TYPES, where)
  }
  for (const [index, column] of byParent.key.entries()) {
    const own = columns.get(column)
    const referred = parent.columns.get(context.key[index] ?? '')
    // '007' and 7 would be two keys.
    if (own?.kind === referred?.kind) continue
    const expected = `columns of the types of the record's key (${referred?.type})`
    throw new InvalidOptionError('parent', `${column} (${own?.type})`, expected, where)
  }
}
