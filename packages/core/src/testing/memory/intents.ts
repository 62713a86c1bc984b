import { StalePhaseError } from '../../errors.ts'
import type { Intents, LostCall } from '../../intents.ts'
import type { MemoryDatabase, MemoryIntent } from './database.ts'
import type { Step } from './transaction.ts'

/** What the rest does in one go is one transaction: nothing is awaited in it. */
export function memoryIntents(database: MemoryDatabase, step: Step, scope: string, side: 'legacy' | 'target'): Intents {
  const calls = (): Map<string, MemoryIntent> => {
    const known = database.intents.get(scope) ?? new Map<string, MemoryIntent>()
    database.intents.set(scope, known)
    return known
  }
  const mark = (entity: string, keys: readonly string[]): void => {
    const journal = database.journals.get(scope) ?? new Map()
    database.journals.set(scope, journal)
    for (const key of keys) {
      const id = database.nextId()
      journal.set(id, { id, entity, key, markedAt: database.now(), attempts: 0, dueAt: 0, parked: false, error: '' })
    }
  }

  return {
    async begin({ call, entity, keys }, { holdMs }) {
      await step('begin intent')
      const owner = {}
      try {
        await database.locks.acquire(owner, `fence ${scope}`, 'shared')
        const row = database.fences.get(scope)
        if (row === undefined || !row.open || row.primary !== side) {
          throw new StalePhaseError(side, row?.open === false ? 'a switch is under way' : 'it is not the primary')
        }
        const begunAt = database.now()
        calls().set(call, { entity, keys, begunAt, heldUntil: begunAt + holdMs, quarantined: false })
      } finally {
        database.locks.releaseAll(owner)
      }
      await step('intent begun')
    },

    async extend(extended, { holdMs }) {
      await step('extend intents')
      for (const call of extended) {
        const intent = calls().get(call)
        if (intent !== undefined) Object.assign(intent, { heldUntil: database.now() + holdMs, quarantined: false })
      }
    },

    async end(ended) {
      await step('end intents')
      for (const { call, entity, keys, quarantineMs } of ended) {
        mark(entity, keys)
        const intent = calls().get(call)
        if (quarantineMs === undefined) calls().delete(call)
        else if (intent !== undefined)
          Object.assign(intent, { heldUntil: database.now() + quarantineMs, quarantined: true })
      }
      await step('intents ended')
    },

    async reap({ quarantineMs }) {
      await step('reap intents')
      const now = database.now()
      const lost: LostCall[] = []
      for (const [call, intent] of [...calls()].filter(([, { heldUntil }]) => heldUntil <= now)) {
        const { entity, keys } = intent
        if (!intent.quarantined) {
          mark(entity, keys)
          Object.assign(intent, { heldUntil: now + quarantineMs, quarantined: true })
        } else if (keys.length === 0) {
          lost.push({ call, entity })
        } else {
          mark(entity, keys)
          calls().delete(call)
        }
      }
      return lost
    },
  }
}
