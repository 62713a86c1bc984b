import type { BoundSide, EntityStore, MigrationStore, Side, StateStore } from '@twinspan/core'

export type Role = 'service' | 'worker'

interface Place {
  /** Which processes come by. */
  readonly roles: readonly Role[]
  /** The process dies at one of its first so many passages. */
  readonly within: number
}

const service = ['service'] as const
const worker = ['worker'] as const

/**
 * The places in the protocol at which a process can be told to die, or to stop. All of them are seen from outside: by the
 * service's own repository, or by wrappers around the ports of the library. An eleventh place is an eleventh row.
 */
export const FAILPOINTS = {
  'write.before-commit': { roles: service, within: 20 },
  'write.after-commit': { roles: service, within: 60 },
  'journal.read': { roles: service, within: 15 },
  'copy.stripes-held': { roles: service, within: 15 },
  'copy.primary-read': { roles: service, within: 15 },
  'copy.secondary-written': { roles: service, within: 15 },
  'copy.room-made': { roles: service, within: 4 },
  'copy.committed': { roles: service, within: 15 },
  'journal.removed': { roles: service, within: 15 },
  'fence.before-change': { roles: ['service', 'worker'], within: 1 },
  'fence.after-change': { roles: worker, within: 2 },
  'store.before-record': { roles: worker, within: 2 },
  'switch.capture': { roles: worker, within: 1 },
  'switch.identities': { roles: worker, within: 2 },
  'switch.fence': { roles: worker, within: 1 },
  'switch.drain': { roles: worker, within: 1 },
  'switch.decide': { roles: worker, within: 1 },
  'switch.follow': { roles: worker, within: 1 },
  'switch.undo': { roles: worker, within: 1 },
  'backfill.inserted': { roles: worker, within: 12 },
  'backfill.committed': { roles: worker, within: 12 },
  'backfill.compared': { roles: worker, within: 12 },
  'backfill.checkpointed': { roles: worker, within: 12 },
  'sweep.before-record': { roles: worker, within: 1 },
} as const satisfies Readonly<Record<string, Place>>

export type Failpoint = keyof typeof FAILPOINTS

export const FAILPOINT_NAMES = Object.keys(FAILPOINTS) as readonly Failpoint[]

/** Where a copier may be stopped while the primary is switched: with what it has seen, or with what it has open. */
export const STOPPING_POINTS = [
  'journal.read',
  'copy.stripes-held',
  'copy.primary-read',
  'copy.secondary-written',
] as const

export interface Strike {
  readonly at: Failpoint
  /** At which passage, from 1 on. */
  readonly nth: number
  readonly how: 'kill' | 'stop'
}

/** Called when the process comes by a failpoint. Returns nothing when it does not return at all. */
export type Pass = (point: Failpoint) => Promise<void>

/** @param stopping called before the process stops itself, and waited for */
export function createPass(strike: Strike | undefined, stopping: (point: Failpoint) => Promise<void>): Pass {
  let passed = 0
  // Not an async function: a listener that cannot wait must not be survived.
  return (point) => {
    if (strike?.at !== point || ++passed !== strike.nth) return DONE
    if (strike.how === 'stop') return stopping(point).then(() => void process.kill(process.pid, 'SIGSTOP'))
    process.kill(process.pid, 'SIGKILL')
    return DONE
  }
}

const DONE = Promise.resolve()

export function watchedSide(side: Side, pass: Pass): Side {
  return { ...side, bind: (scope) => watchedBoundSide(side.bind(scope), pass) }
}

function watchedBoundSide(side: BoundSide, pass: Pass): BoundSide {
  const { journal, fence } = side
  return {
    ...side,
    journal: {
      ...journal,
      async read(options) {
        const rows = await journal.read(options)
        if (rows.length > 0) await pass('journal.read')
        return rows
      },
      async remove(ids) {
        await journal.remove(ids)
        await pass('journal.removed')
      },
    },
    fence: {
      ...fence,
      async change(...request) {
        await pass('fence.before-change')
        const changed = await fence.change(...request)
        await pass('fence.after-change')
        return changed
      },
    },
    async copy(request, work) {
      // The mirror holds the stripes of what it overwrites; the backfill, which overwrites nothing, holds none.
      const mirrors = request.stripes.length > 0
      const result = await side.copy(request, async (copy) => {
        if (mirrors) await pass('copy.stripes-held')
        return work(copy)
      })
      await pass(mirrors ? 'copy.committed' : 'backfill.committed')
      return result
    },
    captureWrite: (request, work) =>
      side.captureWrite(request, async (connection) => {
        const result = await work(connection)
        await pass('write.before-commit')
        return result
      }),
  }
}

/** In a service only the mirror uses the entity's stores; users have repositories. */
export function watchedStore<Store extends object>(store: Store, pass: Pass): Store {
  const after =
    (method: unknown, point: Failpoint) =>
    async (...request: unknown[]): Promise<unknown> => {
      const result: unknown = await (method as (...request: unknown[]) => unknown).apply(store, request)
      await pass(point)
      return result
    }
  const points: Readonly<Record<PropertyKey, Failpoint | undefined>> = {
    load: 'copy.primary-read',
    save: 'copy.secondary-written',
    remove: 'copy.secondary-written',
    makeRoom: 'copy.room-made',
    insertMissing: 'backfill.inserted',
  } satisfies Partial<Record<keyof EntityStore, Failpoint>>
  // A proxy, because an adapter may know its stores by more than the methods of the port.
  return new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      const point = points[property]
      return point === undefined || typeof value !== 'function' ? value : after(value, point)
    },
  })
}

export function watchedStateStore(store: StateStore, pass: Pass): StateStore {
  return { ...store, bind: (migration) => watchedMigrationStore(store.bind(migration), pass) }
}

function watchedMigrationStore(store: MigrationStore, pass: Pass): MigrationStore {
  return {
    ...store,
    async recordState(...request) {
      await pass('store.before-record')
      return store.recordState(...request)
    },
    async putDocument(name, ...rest) {
      const backfills = name.startsWith('backfill')
      if (backfills) await pass('backfill.compared')
      if (name.startsWith('sweep')) await pass('sweep.before-record')
      const written = await store.putDocument(name, ...rest)
      if (backfills) await pass('backfill.checkpointed')
      return written
    },
  }
}
