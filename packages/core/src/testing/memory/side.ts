import { FenceTimeoutError, StalePhaseError, TimeoutError } from '../../errors.ts'
import { keyText } from '../../key.ts'
import type { BoundSide, Capture, Copy, CopyRequest, Fence, Freeze, Side, SideScope } from '../../side.ts'
import type { StateStore } from '../../state-store.ts'
import type { MemoryDatabase } from './database.ts'
import { memoryIntents } from './intents.ts'
import { memoryJournal } from './journal.ts'
import { memoryStateStore } from './state-store.ts'
import { type MemoryTable, type MemoryTableOptions, memoryTable } from './table.ts'
import { acceptWrites, appendMark, type MemoryTransaction, type Step, transact } from './transaction.ts'

export interface MemorySideOptions {
  /** Called before and after everything that a real database would do over the wire. @default does nothing */
  readonly step?: Step
}

/** A side in memory, one per process of a test. */
export interface MemorySide extends Side {
  readonly store: StateStore
  table<Row extends object>(name: string, options: MemoryTableOptions): MemoryTable<Row>
  /** One transaction of an application: its writes are captured and become visible together. */
  transaction<T>(work: (transaction: unknown) => Promise<T>): Promise<T>
}

export function memorySide(database: MemoryDatabase, options: MemorySideOptions = {}): MemorySide {
  const step = options.step ?? (async () => {})
  return {
    engine: 'memory',
    store: memoryStateStore(database, { step }),
    table: (name, tableOptions) => memoryTable(database, step, name, tableOptions),
    transaction: (work) => transact(database, step, {}, work),
    bind: (scope) => bind(database, step, scope),
  }
}

function bind(database: MemoryDatabase, step: Step, { migration, side }: SideScope): BoundSide {
  const scope = JSON.stringify([migration, side])
  return {
    name: side,
    engine: 'memory',
    journal: memoryJournal(database, step, scope),
    intents: memoryIntents(database, step, scope, side),
    fence: memoryFence(database, step, scope, side),
    capture: memoryCapture(database, step, scope, side),
    freeze: memoryFreeze(database, step),
    prepare: () => step('prepare'),

    copy: (request, work) =>
      transact(database, step, { copying: true, timeoutMs: request.timeoutMs }, async (transaction) => {
        await transaction.lock(`fence ${scope}`, 'shared', request.timeoutMs)
        const row = database.fences.get(scope)
        if (row === undefined) throw new StalePhaseError(side, 'it has no fence row')
        if (row.primary === side) throw new StalePhaseError(side, 'it is the primary')
        if (row.epoch !== request.epoch) {
          throw new StalePhaseError(side, `its epoch is ${row.epoch}, the copier's ${request.epoch}`)
        }
        const held = await lockStripes(transaction, scope, request)
        // Drawn under the locks, and not given back by a rollback.
        return work(request.versioned ? { ...held, version: BigInt(database.nextId()) } : held)
      }),

    captureWrite: (request, work) =>
      // Triggers and marks of ours together would record the key twice; a transaction that marks is not captured again.
      transact(database, step, { copying: true }, async (transaction) => {
        const result = await work(transaction)
        let keys: readonly string[] = []
        let failure: { readonly error: unknown } | undefined
        try {
          await step('insert marks')
          keys = request.keys(result).map(keyText)
        } catch (error) {
          if (request.uncaptured === undefined) throw error
          failure = { error }
        }
        await acceptWrites(database, transaction, scope, side)
        if (failure !== undefined) await request.uncaptured?.(failure.error)
        for (const key of keys) appendMark(database, transaction, scope, request.entity, key)
        return result
      }),

    isStalePhase: (error) => error instanceof StalePhaseError,
  }
}

async function lockStripes(transaction: MemoryTransaction, scope: string, request: CopyRequest): Promise<Copy> {
  const wanted = [...new Set(request.stripes)].sort((a, b) => a - b)
  const name = (stripe: number): string => `stripe ${scope} ${stripe}`
  const attempt: Copy['attempt'] = (work) => transaction.attempt(work)
  if (request.wait === 'free') {
    const free = wanted.filter((stripe) => transaction.tryLock(name(stripe)))
    if (free.length > 0 || wanted.length === 0) return { transaction, stripes: free, attempt }
    const [first] = wanted as [number]
    await transaction.lock(name(first), 'exclusive', request.timeoutMs)
    return { transaction, stripes: [first], attempt }
  }
  for (const stripe of wanted) await transaction.lock(name(stripe), 'exclusive', request.timeoutMs)
  return { transaction, stripes: wanted, attempt }
}

function memoryFence(database: MemoryDatabase, step: Step, scope: string, side: SideScope['side']): Fence {
  return {
    async read() {
      await step('read fence')
      const row = database.fences.get(scope)
      return row === undefined ? undefined : { row, now: database.now() }
    },
    change: (revision, next, options) =>
      transact(database, step, { copying: true }, async (transaction) => {
        try {
          await transaction.lock(`fence ${scope}`, 'exclusive', options?.lockTimeoutMs)
        } catch (error) {
          if (error instanceof TimeoutError)
            throw new FenceTimeoutError(side, options?.lockTimeoutMs ?? 0, { cause: error })
          throw error
        }
        if ((database.fences.get(scope)?.revision ?? 0) !== revision) return false
        transaction.atCommit(() => database.fences.set(scope, { ...next, revision: revision + 1 }))
        return true
      }),
  }
}

function memoryCapture(database: MemoryDatabase, step: Step, scope: string, side: SideScope['side']): Capture {
  const triggersOf = (table: string): { readonly scope: string }[] => database.triggers.get(table) ?? []
  const isOurs = (table: string): boolean => triggersOf(table).some((trigger) => trigger.scope === scope)
  return {
    async install(entities) {
      await step('install capture')
      for (const { name, store } of entities) {
        const table = store.name ?? name
        if (isOurs(table)) continue
        database.triggers.set(table, [...(database.triggers.get(table) ?? []), { scope, side, entity: name }])
      }
    },
    async verify(entities) {
      await step('verify capture')
      return entities
        .map(({ name, store }) => store.name ?? name)
        .filter((table) => !isOurs(table))
        .map((table) => `Table "${table}" has no capture trigger.`)
    },
    async uninstall(entities) {
      await step('uninstall capture')
      for (const { name, store } of entities) {
        const table = store.name ?? name
        database.triggers.set(
          table,
          (database.triggers.get(table) ?? []).filter((trigger) => trigger.scope !== scope),
        )
      }
    },
  }
}

function memoryFreeze(database: MemoryDatabase, step: Step): Freeze {
  return {
    async install(entities) {
      await step('freeze')
      for (const { name, store } of entities) database.frozen.add(store.name ?? name)
    },
    async uninstall(entities) {
      await step('thaw')
      for (const { name, store } of entities) database.frozen.delete(store.name ?? name)
    },
    async denied() {
      await step('denied')
      return database.denied
    },
  }
}
