import { StalePhaseError, TransactionEndedError, TwinspanError } from '../../errors.ts'
import { within } from '../../time.ts'
import type { MemoryDatabase, MemoryRow, MemoryTableData } from './database.ts'

/** Called before and after everything that a real database would do over the wire. A test pauses, reorders or kills here. */
export type Step = (what: string) => Promise<void>

/** A violated unique constraint, with the code that PostgreSQL gives it. */
export class MemoryUniqueError extends Error {
  override readonly name = 'MemoryUniqueError'
  readonly code = '23505'
  readonly constraint: string

  constructor(table: string, columns: readonly string[]) {
    super(`duplicate value in ${table} (${columns.join(', ')})`)
    this.constraint = `${table}_${columns.join('_')}`
  }
}

/** Buffered writes that become visible together. Reads see the committed rows and the transaction's own. */
export class MemoryTransaction {
  readonly #database: MemoryDatabase
  readonly #step: Step
  #writes = new Map<string, Map<string, MemoryRow | null>>()
  #atCommit: (() => void)[] = []
  /** Set in a copy's transaction: its writes are not captured. */
  readonly copying: boolean
  #over = false

  constructor(database: MemoryDatabase, step: Step, copying: boolean) {
    this.#database = database
    this.#step = step
    this.copying = copying
  }

  /** Adds an effect that becomes visible at the commit and only then. */
  atCommit(effect: () => void): void {
    this.#atCommit.push(effect)
  }

  async lock(name: string, mode: 'shared' | 'exclusive', timeoutMs?: number): Promise<void> {
    this.#refuseWhenOver()
    return this.#database.locks.acquire(this, name, mode, timeoutMs)
  }

  tryLock(name: string): boolean {
    this.#refuseWhenOver()
    return this.#database.locks.tryAcquire(this, name, 'exclusive')
  }

  read(table: string, data: MemoryTableData, key: string): MemoryRow | undefined {
    const written = this.#writes.get(table)?.get(key)
    return written === null ? undefined : (written ?? data.rows.get(key))
  }

  /** Locks the row, then writes what `change` makes of it: `null` removes it, `undefined` leaves it alone. */
  async write(
    table: string,
    data: MemoryTableData,
    key: string,
    change: (current: MemoryRow | undefined) => MemoryRow | null | undefined,
  ): Promise<boolean> {
    await this.lock(`row ${table} ${key}`, 'exclusive')
    const row = change(this.read(table, data, key))
    if (row === undefined) return false
    if (this.#database.frozen.has(table)) {
      this.#database.denied++
      throw Object.assign(new Error(`twinspan: frozen: ${table}`), { code: 'FROZEN' })
    }
    if (!this.copying) await this.#capture(table, key)
    if (row !== null) this.#refuseDuplicates(table, data, key, row)
    const writes = this.#writes.get(table) ?? new Map<string, MemoryRow | null>()
    this.#writes.set(table, writes)
    writes.set(key, row)
    return true
  }

  /** What goes on after the transaction has ended would hold its locks for ever. */
  #refuseWhenOver(): void {
    if (this.#over) throw new Error('the transaction is over')
  }

  /** What a row trigger does: holds the fence shared, asks it, appends to the journal. */
  async #capture(table: string, key: string): Promise<void> {
    for (const { scope, side, entity } of this.#database.triggers.get(table) ?? []) {
      await acceptWrites(this.#database, this, scope, side)
      appendMark(this.#database, this, scope, entity, key)
    }
  }

  #refuseDuplicates(table: string, data: MemoryTableData, key: string, row: MemoryRow): void {
    for (const columns of data.unique) {
      const values = columns.map((column) => row[column])
      if (values.some((value) => value === null || value === undefined)) continue
      for (const [otherKey, other] of this.rows(table, data)) {
        if (otherKey !== key && columns.every((column, index) => other[column] === values[index])) {
          throw new MemoryUniqueError(table, columns)
        }
      }
    }
  }

  *rows(table: string, data: MemoryTableData): Iterable<[string, MemoryRow]> {
    const writes = this.#writes.get(table)
    for (const [key, row] of data.rows) if (!writes?.has(key)) yield [key, row]
    for (const [key, row] of writes ?? []) if (row !== null) yield [key, row]
  }

  /** Runs `work` and takes back what it wrote. Locks stay, as they do behind a savepoint. */
  async attempt<T>(work: () => Promise<T>): Promise<T> {
    await this.#step('savepoint')
    const writes = new Map([...this.#writes].map(([table, rows]) => [table, new Map(rows)]))
    const atCommit = [...this.#atCommit]
    const [done] = await Promise.allSettled([work()])
    await this.#step('rollback to savepoint')
    const failed = done.status === 'rejected'
    if (this.#over) throw new TransactionEndedError('The attempt', failed ? { cause: done.reason } : {})
    this.#writes = writes
    this.#atCommit = atCommit
    if (failed) throw done.reason
    return done.value
  }

  async commit(): Promise<void> {
    await this.#step('commit')
    this.#refuseWhenOver()
    // Two transactions may have written one unique value each without seeing the other; the first to commit wins.
    for (const [table, writes] of this.#writes) {
      const data = this.#database.tables.get(table) as MemoryTableData
      for (const [key, row] of writes) if (row !== null) this.#refuseDuplicates(table, data, key, row)
    }
    this.#over = true
    for (const [table, writes] of this.#writes) {
      const { rows } = this.#database.tables.get(table) as MemoryTableData
      for (const [key, row] of writes) {
        if (row === null) rows.delete(key)
        else rows.set(key, row)
      }
    }
    for (const effect of this.#atCommit) effect()
    this.#database.locks.releaseAll(this)
    await this.#step('committed')
  }

  /** Ends the transaction without its writes. The server does this by itself when a connection is lost, so it never waits. */
  rollback(): void {
    this.#over = true
    this.#database.locks.releaseAll(this)
  }
}

export interface TransactOptions {
  /** @default false */
  readonly copying?: boolean
  /** After how long the transaction is rolled back, whatever `work` does. @default it may take for ever */
  readonly timeoutMs?: number | undefined
}

/** Runs `work` in one transaction: committed when it returns, rolled back when it throws or takes too long. */
export async function transact<T>(
  database: MemoryDatabase,
  step: Step,
  { copying = false, timeoutMs }: TransactOptions,
  work: (transaction: MemoryTransaction) => Promise<T>,
): Promise<T> {
  const transaction = new MemoryTransaction(database, step, copying)
  try {
    await step('begin')
    const working = (): Promise<T> => work(transaction)
    const result = await (timeoutMs === undefined ? working() : within(timeoutMs, 'A transaction', working))
    await transaction.commit()
    return result
  } catch (error) {
    transaction.rollback()
    throw error
  }
}

/** Holds the fence shared for the rest of the transaction and throws unless `side` accepts primary writes. */
export async function acceptWrites(
  database: MemoryDatabase,
  transaction: MemoryTransaction,
  scope: string,
  side: 'legacy' | 'target',
): Promise<void> {
  await transaction.lock(`fence ${scope}`, 'shared')
  const row = database.fences.get(scope)
  if (row === undefined || !row.open || row.primary !== side) {
    throw new StalePhaseError(side, row?.open === false ? 'a switch is under way' : 'it is not the primary')
  }
}

/** Appends a journal row that becomes visible with the transaction. Its id is drawn now, so that ids do not follow commits. */
export function appendMark(
  database: MemoryDatabase,
  transaction: MemoryTransaction,
  scope: string,
  entity: string,
  key: string,
): void {
  const id = database.nextId()
  transaction.atCommit(() => {
    const journal = database.journals.get(scope) ?? new Map()
    database.journals.set(scope, journal)
    journal.set(id, { id, entity, key, markedAt: database.now(), attempts: 0, dueAt: 0, parked: false, error: '' })
  })
}

export function transactionOf(value: unknown): MemoryTransaction | undefined {
  if (value === undefined) return undefined
  if (value instanceof MemoryTransaction) return value
  throw new TwinspanError('TWINSPAN_INVALID_OPTION', 'Option transaction takes a transaction of this side.')
}
