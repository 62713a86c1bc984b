import { createHash } from 'node:crypto'
import type { Digest, DigestColumn, EntityStore, InsertOutcome, KeyRange, StoreOptions } from '../../entity-store.ts'
import { InvalidOptionError } from '../../errors.ts'
import { type Key, type KeyPart, keyText } from '../../key.ts'
import { compareKeys, type MemoryDatabase, type MemoryRow, type MemoryTableData } from './database.ts'
import { type MemoryTransaction, MemoryUniqueError, type Step, transact, transactionOf } from './transaction.ts'

export interface MemoryTableOptions {
  /** The key's column or columns. */
  readonly key: string | readonly string[]
  /** Unique constraints beside the key, each a column or a tuple of columns. */
  readonly unique?: readonly (string | readonly string[])[]
}

/** A table in memory: an entity store whose writes outside of a copy are captured, like anybody's writes to a real table. */
export interface MemoryTable<Row extends object> extends EntityStore<Row, Row> {
  readonly name: string
  /** Every committed row in key order, read without a step: for assertions. */
  rows(): readonly Row[]
}

export function memoryTable<Row extends object>(
  database: MemoryDatabase,
  step: Step,
  name: string,
  options: MemoryTableOptions,
): MemoryTable<Row> {
  const data = open(database, name, options)
  const keyOf = (row: object): Key => {
    const parts = data.key.map((column) => (row as MemoryRow)[column] as KeyPart)
    return parts.length === 1 ? (parts[0] as KeyPart) : parts
  }
  const sorted = (): [Key, MemoryRow][] =>
    [...data.rows.values()].map((row): [Key, MemoryRow] => [keyOf(row), row]).sort((a, b) => compareKeys(a[0], b[0]))
  const within = (
    options: StoreOptions | undefined,
    work: (transaction: MemoryTransaction) => Promise<void>,
  ): Promise<void> => {
    const transaction = transactionOf(options?.transaction)
    return transaction === undefined ? transact(database, step, {}, work) : work(transaction)
  }
  const copy = (row: MemoryRow): Row => structuredClone(row) as Row

  const table: MemoryTable<Row> = {
    name,
    key: keyOf,
    keyParts: data.key.length,
    rows: () => sorted().map(([, row]) => copy(row)),

    async load(keys, options) {
      await step(`load ${name}`)
      const transaction = transactionOf(options?.transaction)
      return keys.flatMap((key) => {
        const text = keyText(key)
        const row = transaction === undefined ? data.rows.get(text) : transaction.read(name, data, text)
        return row === undefined ? [] : [copy(row)]
      })
    },

    async scan(range) {
      await step(`scan ${name}`)
      return select(sorted(), range).map(([, row]) => copy(row))
    },

    async scanKeys(range) {
      await step(`scan ${name}`)
      return select(sorted(), range).map(([key]) => key)
    },

    save: (rows, options) =>
      within(options, async (transaction) => {
        await step(`save ${name}`)
        for (const row of rows) {
          await transaction.write(name, data, keyText(keyOf(row)), (current) => ({
            ...current,
            ...structuredClone(row),
          }))
        }
      }),

    remove: (keys, options) =>
      within(options, async (transaction) => {
        await step(`remove ${name}`)
        for (const key of keys) {
          await transaction.write(name, data, keyText(key), (current) => (current === undefined ? undefined : null))
        }
      }),

    async insertMissing(rows, options): Promise<InsertOutcome> {
      let inserted = 0
      const conflicts: Key[] = []
      await within(options, async (transaction) => {
        await step(`insert ${name}`)
        for (const row of rows) {
          const key = keyOf(row)
          try {
            const isNew = await transaction.write(name, data, keyText(key), (current) =>
              current === undefined ? ({ ...structuredClone(row) } as MemoryRow) : undefined,
            )
            if (isNew) inserted++
          } catch (error) {
            if (!(error instanceof MemoryUniqueError)) throw error
            conflicts.push(key)
          }
        }
      })
      return { inserted, conflicts }
    },

    async makeRoom({ saved, removed }, options) {
      // On its own it would commit the gap that it makes.
      if (options.transaction === undefined) throw new InvalidOptionError('transaction', undefined, 'a transaction')
      const contended = data.unique.flat().filter((column) => !data.key.includes(column))
      const vacate = (row: MemoryRow | undefined, columns: readonly string[]): MemoryRow | undefined =>
        row === undefined ? undefined : { ...row, ...Object.fromEntries(columns.map((column) => [column, null])) }
      await within(options, async (transaction) => {
        await step(`make room ${name}`)
        for (const row of saved) {
          const named = contended.filter((column) => (row as MemoryRow)[column] !== undefined)
          await transaction.write(name, data, keyText(keyOf(row)), (current) => vacate(current, named))
        }
        for (const key of removed) {
          await transaction.write(name, data, keyText(key), (current) => vacate(current, contended))
        }
      })
    },

    async forms() {
      await step(`forms ${name}`)
      const columns = new Set(sorted().flatMap(([, row]) => Object.keys(row)))
      return new Map([...columns].map((column) => [column, { forms: ['text'], nullable: true }]))
    },

    async keyAt(stretch, n) {
      await step(`key at ${name}`)
      return select(sorted(), { ...stretch, limit: n })[n - 1]?.[0]
    },

    async keysAt(stretch, n, most) {
      await step(`keys at ${name}`)
      return select(sorted(), { ...stretch, limit: n * most }).flatMap(([key], at) => ((at + 1) % n === 0 ? [key] : []))
    },

    async digest(stretches, columns) {
      await step(`digest ${name}`)
      return stretches.map((stretch) =>
        digestOf(
          select(sorted(), { ...stretch, limit: Number.POSITIVE_INFINITY }).map(([, row]) => row),
          columns,
        ),
      )
    },

    async count() {
      await step(`count ${name}`)
      return { rows: data.rows.size, exact: true }
    },

    identity: {
      async read() {
        await step(`identity ${name}`)
        const numbers = [...data.rows.keys()].filter((text) => /^\d+$/.test(text)).map(BigInt)
        return { next: data.next, largest: numbers.sort((a, b) => (a < b ? 1 : -1))[0] ?? 0n }
      },
      async moveTo(next) {
        await step(`identity ${name}`)
        if (next > data.next) data.next = next
      },
    },
  }
  return table
}

function digestOf(rows: readonly Readonly<Record<string, unknown>>[], columns: readonly DigestColumn[]): Digest {
  const values = rows.map((row) => columns.map((column) => row[column.name] ?? null))
  const digest = rows.length === 0 ? '' : createHash('md5').update(JSON.stringify(values)).digest('hex')
  return { rows: rows.length, digest }
}

function open(database: MemoryDatabase, name: string, options: MemoryTableOptions): MemoryTableData {
  const existing = database.tables.get(name)
  if (existing !== undefined) return existing
  const data: MemoryTableData = {
    rows: new Map(),
    key: typeof options.key === 'string' ? [options.key] : options.key,
    unique: (options.unique ?? []).map((columns) => (typeof columns === 'string' ? [columns] : columns)),
    next: 1n,
  }
  database.tables.set(name, data)
  return data
}

function select(rows: readonly [Key, MemoryRow][], { after, through, limit }: KeyRange): readonly [Key, MemoryRow][] {
  return rows
    .filter(
      ([key]) =>
        (after === undefined || compareKeys(key, after) > 0) &&
        (through === undefined || compareKeys(key, through) <= 0),
    )
    .slice(0, limit)
}
