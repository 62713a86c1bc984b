import { createMigration, defineEntity, type Migration } from '@twinspan/core'
import { createMemoryDatabase, memorySide } from '@twinspan/core/testing'
import { createRouter, type Router, type RouterOptions } from '../src/index.ts'

export { walkTo as walk } from '@twinspan/core/testing'

export const BY = { actor: 'ops', reason: 'test' }

export interface Process {
  readonly migration: Migration
  readonly router: Router
}

/** Two databases and a store, and as many processes on them as a test wants. */
export function createWorld() {
  const databases = { legacy: createMemoryDatabase(), target: createMemoryDatabase(), store: createMemoryDatabase() }
  const started: Migration[] = []
  let storeStep: (what: string) => Promise<void> = async () => {}

  function unstarted(): Migration {
    const legacy = memorySide(databases.legacy)
    const target = memorySide(databases.target)
    const store = memorySide(databases.store, { step: (what) => storeStep(what) }).store
    const table = { key: 'id', columns: ['id'] }
    const things = defineEntity({
      name: 'things',
      legacy: legacy.table<{ id: number }>('things', table),
      target: target.table<{ id: number }>('things', table),
      toTarget: (row) => row,
      toLegacy: (row) => row,
    })
    return createMigration({ name: 'things-move', legacy, target, entities: [things], store })
  }

  async function join(options: Partial<RouterOptions> = {}): Promise<Process> {
    const migration = unstarted()
    const router = createRouter(migration, { unit: 'user', ...options })
    await migration.start()
    started.push(migration)
    return { migration, router }
  }

  return {
    join,
    unstarted,
    /** Every step of every process's store waits for it, or fails with it. */
    breakStore(step: (what: string) => Promise<void>) {
      storeStep = step
    },
    mendStore() {
      storeStep = async () => {}
    },
    async end() {
      storeStep = async () => {}
      for (const migration of started) await migration.stop()
    },
  }
}

/** The keys of `keys` that read from target. */
export function cohort(router: Router, keys: readonly string[]): Set<string> {
  return new Set(keys.filter((key) => router.decide(key).side === 'target'))
}

export function someKeys(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `user-${index}`)
}
