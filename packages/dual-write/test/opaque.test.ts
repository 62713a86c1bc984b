import {
  createMigration,
  defineEntity,
  type EntityStore,
  type Key,
  type OpaqueGuard,
  opaqueSide,
  type StoreOptions,
} from '@twinspan/core'
import { createMemoryDatabase, memorySide } from '@twinspan/core/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createMirror } from '../src/index.ts'

interface User {
  readonly id: number
  readonly email: string
}

/** A store behind an API: it takes row by row, may stop in the middle, and knows the version of each key, gone ones included. */
class Api {
  readonly rows = new Map<number, User>()
  readonly #versions = new Map<number, bigint>()
  readonly seen: StoreOptions[] = []
  readonly guard: OpaqueGuard
  /** Answers instead of the store: an error, or a wait. */
  meet: (user: { readonly id: number }) => Promise<void> = async () => {}

  constructor(guard: OpaqueGuard) {
    this.guard = guard
  }

  #take(id: number, { version = 0n }: StoreOptions): void {
    if (this.guard === 'none') return
    if (version < (this.#versions.get(id) ?? 0n)) throw new Error('412')
    this.#versions.set(id, version)
  }

  readonly store: EntityStore<User> = {
    load: async (keys) => keys.flatMap((key) => this.rows.get(Number(key)) ?? []),
    scan: async ({ limit }) => [...this.rows.values()].slice(0, limit),
    save: async (users, options = {}) => {
      this.seen.push(options)
      for (const user of users) {
        await this.meet(user)
        this.#take(user.id, options)
        this.rows.set(user.id, user)
      }
    },
    remove: async (keys: readonly Key[], options = {}) => {
      this.seen.push(options)
      for (const key of keys) {
        await this.meet({ id: Number(key) })
        this.#take(Number(key), options)
        this.rows.delete(Number(key))
      }
    },
  }
}

/** A migration in dual-write to a target of which only four functions are known. */
async function copying(guard: OpaqueGuard) {
  const api = new Api(guard)
  const legacy = memorySide(createMemoryDatabase())
  const journal = memorySide(createMemoryDatabase())
  const members = legacy.table<User>('members', { key: 'id' })
  const users = defineEntity({
    name: 'users',
    legacy: members,
    target: api.store,
    toTarget: (row) => row,
    toLegacy: (row) => row,
  })
  const target = opaqueSide({ journal, guard })
  const migration = createMigration({ name: 'to-an-api', legacy, target, entities: [users] })
  await migration.start()
  onTestFinished(() => migration.stop())
  for (const to of ['capture', 'dual-write'] as const) await migration.advance({ to, actor: 'ops', reason: 'test' })
  const options = { firstRetryMs: 1, longestRetryMs: 1, timeoutMs: 500, maxAttempts: 3 }
  return { api, members, migration, mirror: createMirror(migration, options) }
}

const user = (id: number, email = `${id}@example.org`): User => ({ id, email })
const gapsOf = ({ store }: Awaited<ReturnType<typeof copying>>['migration']) => store.findings({ kind: 'capture-gap' })

describe('a mirror to an opaque side', () => {
  it('gives its stores a version that grows, and no transaction', async () => {
    const { api, members, mirror } = await copying('version')
    await members.save([user(1)])
    await mirror.drain()
    await members.remove([1])
    await mirror.drain()
    const [first, second] = api.seen
    expect([first?.transaction, second?.transaction]).toEqual([undefined, undefined])
    expect(Number(second?.version) > Number(first?.version)).toBe(true)
    expect(api.rows.size).toBe(0)
  })

  it('copies everything but the row that is refused, though half of each failed copy stayed, and parks that one', async () => {
    const { api, members, migration, mirror } = await copying('version')
    api.meet = async ({ id }) => {
      if (id === 3) throw new Error('422')
    }
    await members.save([1, 2, 3, 4, 5].map((id) => user(id)))
    await expect
      .poll(
        async () => {
          await mirror.drain()
          return migration.sides.legacy.journal.stats()
        },
        { timeout: 10_000 },
      )
      .toMatchObject({ depth: 1, parked: 1 })
    expect([...api.rows.keys()].toSorted((a, b) => a - b)).toEqual([1, 2, 4, 5])
  })

  it('is told when a copy is over that still waits, and what comes late of it loses to the newer copy', async () => {
    const { api, members, mirror } = await copying('version')
    let arrive = (): void => {}
    api.meet = () =>
      new Promise((resolve) => {
        arrive = resolve
      })
    await members.save([user(1, 'old@example.org')])
    await mirror.drain()
    expect(api.seen.at(-1)?.signal?.aborted).toBe(true)
    api.meet = async () => {}
    await members.save([user(1, 'new@example.org')])
    await mirror.drain()
    expect(api.rows.get(1)?.email).toBe('new@example.org')
    arrive()
    await new Promise((resolve) => setImmediate(resolve))
    expect(api.rows.get(1)?.email).toBe('new@example.org')
  })

  it("leaves a gap for every copy that failed, with guard: 'none' and there alone", async () => {
    for (const guard of ['version', 'none'] as const) {
      const { api, members, migration, mirror } = await copying(guard)
      api.meet = () => Promise.reject(new Error('503'))
      await members.save([user(1)])
      await mirror.drain()
      expect(await gapsOf(migration)).toMatchObject(guard === 'none' ? [{ entity: 'users' }] : [])
      api.meet = async () => {}
      await expect
        .poll(
          async () => {
            await mirror.drain()
            return api.rows.size
          },
          { timeout: 10_000 },
        )
        .toBe(1)
    }
  })
})
