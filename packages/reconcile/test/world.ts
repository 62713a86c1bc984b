import {
  createMigration,
  defineEntity,
  type Entity,
  type EntityStore,
  type Migration,
  type MigrationOptions,
  type Phase,
} from '@twinspan/core'
import {
  createMemoryDatabase,
  type MemorySide,
  type MemoryTable,
  memorySide,
  mirrorOnce,
  walkTo,
} from '@twinspan/core/testing'
import { onTestFinished } from 'vitest'

export { walkTo as advanceTo } from '@twinspan/core/testing'

export interface Member {
  readonly id: number
  readonly mail: string
  readonly note?: unknown
}

export interface User {
  readonly id: number
  readonly email: string
  readonly note?: unknown
}

export interface World {
  readonly members: MemoryTable<Member>
  readonly users: MemoryTable<User>
  readonly entity: Entity
  readonly migration: Migration
  readonly legacySide: MemorySide
  /** Called whenever somebody sleeps; time passes by itself. */
  onSleep: (ms: number) => Promise<void> | void
}

export interface WorldOptions {
  readonly toTarget?: (member: Member) => User | null
  readonly target?: (users: MemoryTable<User>) => EntityStore<User>
  readonly legacy?: (members: MemoryTable<Member>) => EntityStore<Member>
  /** Whether the entity names its columns, so that a sweep compares digests. @default false */
  readonly columns?: boolean
  readonly phase?: Phase
  readonly migration?: Partial<MigrationOptions>
}

/** A migration with `count` rows that both sides agree on. */
export async function world(count: number, options: WorldOptions = {}): Promise<World> {
  const legacySide = memorySide(createMemoryDatabase())
  const targetSide = memorySide(createMemoryDatabase())
  const members = legacySide.table<Member>('members', { key: 'id' })
  const users = targetSide.table<User>('users', { key: 'id' })
  const entity = defineEntity<Member, Member, User, User>({
    name: 'users',
    legacy: options.legacy?.(members) ?? members,
    target: options.target?.(users) ?? users,
    toTarget: options.toTarget ?? toUser,
    toLegacy: ({ email, ...rest }) => ({ ...rest, mail: email }),
    ...(options.columns === true ? { columns: { id: 'id', mail: 'email' } } : {}),
  })
  let now = 1_000
  const made: { world?: World } = {}
  const migration = createMigration({
    name: 'users',
    legacy: legacySide,
    target: targetSide,
    entities: [entity],
    now: () => now,
    leaseMs: 1e12,
    refreshMs: 1e9,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      if (ms === 1e9) return new Promise((resolve) => signal?.addEventListener('abort', () => resolve()))
      now += ms
      await made.world?.onSleep(ms)
    },
    ...options.migration,
  })
  await members.save(Array.from({ length: count }, (_, at) => member(at + 1)))
  await migration.start()
  await walkTo(migration, options.phase ?? 'dual-write')
  await users.save(members.rows().flatMap((row) => (entity.toTarget(row) as User | null) ?? []))
  onTestFinished(() => migration.stop())
  made.world = { members, users, entity, migration, legacySide, onSleep: () => {} }
  return made.world
}

export function toUser({ mail, ...rest }: Member): User {
  return { ...rest, email: mail }
}

export function member(id: number): Member {
  return { id, mail: `m${id}@example.org` }
}

/** Drift: a change on one side that nobody captures. */
export async function tamper(world: World, change: () => Promise<unknown>): Promise<void> {
  const { migration } = world
  for (const side of ['legacy', 'target'] as const) {
    await migration.sides[side].capture.uninstall([{ name: 'users', store: world.entity[side] }])
  }
  await change()
  await migration.sides.legacy.capture.install([{ name: 'users', store: world.entity.legacy }])
}

/** Copies until the journal is empty. */
export async function drain({ migration }: World): Promise<void> {
  while ((await mirrorOnce(migration)) > 0);
}
