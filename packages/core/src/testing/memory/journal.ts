import type { Journal, JournalRow, ParkedRow } from '../../side.ts'
import type { MemoryDatabase, MemoryIntent, MemoryJournalRow } from './database.ts'
import { appendMark, type Step, transact, transactionOf } from './transaction.ts'

export function memoryJournal(database: MemoryDatabase, step: Step, scope: string): Journal {
  const rows = (): MemoryJournalRow[] => [...(database.journals.get(scope)?.values() ?? [])].sort((a, b) => a.id - b.id)
  const inFlight = (): MemoryIntent[] => [...(database.intents.get(scope)?.values() ?? [])]
  const pick = (ids: readonly string[]): MemoryJournalRow[] =>
    ids.flatMap((id) => database.journals.get(scope)?.get(Number(id)) ?? [])
  const shape = ({ id, entity, key, attempts }: MemoryJournalRow): JournalRow => ({
    id: String(id),
    entity,
    key,
    attempts,
  })

  const changesOf = (entity: string): Map<string, number> | undefined =>
    database.changes.get(JSON.stringify([scope, entity]))

  return {
    changes: {
      async start(entity) {
        await step('start changes')
        database.changes.set(JSON.stringify([scope, entity]), new Map())
      },
      async stop(entity) {
        await step('stop changes')
        database.changes.delete(JSON.stringify([scope, entity]))
      },
      async read(entity, { limit, after }) {
        await step('read changes')
        return [...(changesOf(entity) ?? [])]
          .map(([key, id]) => ({ key, version: String(id) }))
          .sort((a, b) => (a.key < b.key ? -1 : 1))
          .filter(({ key }) => after === undefined || key > after.key)
          .slice(0, limit)
      },
      async forget(entity, changes) {
        await step('forget changes')
        const known = changesOf(entity)
        for (const { key, version } of changes) if (known?.get(key) === Number(version)) known.delete(key)
      },
    },

    async mark(marks, options) {
      const append = async (transaction: Parameters<typeof appendMark>[1]): Promise<void> => {
        await step('mark')
        for (const mark of marks) appendMark(database, transaction, scope, mark.entity, mark.key)
      }
      const transaction = transactionOf(options?.transaction)
      if (transaction === undefined) await transact(database, step, { copying: true }, append)
      else await append(transaction)
    },

    async read({ limit }) {
      await step('read journal')
      const now = database.now()
      const due = rows()
        .filter((row) => !row.parked && row.dueAt <= now)
        .slice(0, limit)
      const keys = new Set(due.map((row) => JSON.stringify([row.entity, row.key])))
      return rows()
        .filter((row) => keys.has(JSON.stringify([row.entity, row.key])) && (due.includes(row) || row.attempts > 0))
        .map(shape)
    },

    async remove(ids) {
      await step('remove from journal')
      for (const row of pick(ids)) {
        changesOf(row.entity)?.set(row.key, row.id)
        database.journals.get(scope)?.delete(row.id)
      }
    },

    async dirty(entity, keys) {
      await step('ask journal')
      const marked = rows().filter((row) => row.entity === entity)
      const intended = inFlight().filter((intent) => intent.entity === entity)
      const dirty = [...marked.map((row) => row.key), ...intended.flatMap((intent) => intent.keys)]
      return new Set(dirty.filter((key) => keys.includes(key)))
    },

    async hasDirty(entity) {
      await step('ask journal')
      return [...rows(), ...inFlight()].some((one) => one.entity === entity)
    },

    async defer(ids, { delayMs, error }) {
      await step('defer')
      for (const row of pick(ids)) {
        row.attempts++
        row.dueAt = database.now() + delayMs
        row.error = error
      }
    },

    async park(ids, { error }) {
      await step('park')
      for (const row of pick(ids)) {
        row.attempts++
        row.parked = true
        row.error = error
      }
    },

    async parked({ limit }) {
      await step('read parked')
      return rows()
        .filter((row) => row.parked)
        .slice(0, limit)
        .map((row): ParkedRow => ({ ...shape(row), error: row.error }))
    },

    async retry(entity) {
      await step('retry')
      const held = rows().filter((row) => row.attempts > 0 && (entity === undefined || row.entity === entity))
      for (const row of held) Object.assign(row, { attempts: 0, dueAt: 0, parked: false })
      return held.length
    },

    async compact({ limit, after }) {
      await step('compact journal')
      const window = rows()
        .filter((row) => row.id > Number(after ?? 0))
        .slice(0, limit)
      const all = rows()
      let removed = 0
      // Nothing is awaited from here on: what others see of it, they see at once.
      for (const row of window) {
        const same = all.filter((one) => one.entity === row.entity && one.key === row.key && one.attempts === 0)
        if (same.length < 2 || same.some((one) => !database.journals.get(scope)?.has(one.id))) continue
        for (const one of same) database.journals.get(scope)?.delete(one.id)
        const id = database.nextId()
        const markedAt = Math.min(...same.map((one) => one.markedAt))
        database.journals.get(scope)?.set(id, { ...(same[0] as MemoryJournalRow), id, markedAt })
        removed += same.length - 1
      }
      return { removed, next: window.length < limit ? undefined : String(window.at(-1)?.id) }
    },

    async stats() {
      await step('journal stats')
      const all = rows()
      const waiting = all.filter((row) => !row.parked).map((row) => database.now() - row.markedAt)
      const calls = inFlight().map(({ begunAt }) => database.now() - begunAt)
      return {
        depth: all.length + inFlight().reduce((sum, { keys }) => sum + Math.max(1, keys.length), 0),
        oldestAgeMs: Math.max(0, ...waiting, ...calls),
        parked: all.length - waiting.length,
      }
    },
  }
}
