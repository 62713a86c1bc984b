import { type BackfillOptions, type BackfillProgress, backfill } from '@twinspan/backfill'
import {
  createMigration,
  defineEntity,
  type Entity,
  type EntityStore,
  type Migration,
  type MigrationOptions,
  type Side,
} from '@twinspan/core'
import {
  createMemoryDatabase,
  type MemoryDatabase,
  type MemorySide,
  type MemoryTable,
  memorySide,
  mirrorOnce,
  type Step,
} from '@twinspan/core/testing'

export { walkTo as advanceTo } from '@twinspan/core/testing'

export interface Member {
  readonly id: number
  readonly mail: string
  readonly version?: number
}

export interface User {
  readonly id: number
  readonly email: string
  readonly version?: number
}

export interface Databases {
  readonly legacy: MemoryDatabase
  readonly target: MemoryDatabase
}

/** One process of the service: its own sides, stores and migration over databases that it shares with others. */
export interface Process {
  readonly members: MemoryTable<Member>
  readonly users: MemoryTable<User>
  readonly entity: Entity
  readonly migration: Migration
  readonly legacySide: MemorySide
}

export interface ProcessOptions {
  readonly step?: Step
  readonly toTarget?: (member: Member) => User | null
  readonly target?: (users: MemoryTable<User>) => EntityStore<User>
  readonly legacy?: (members: MemoryTable<Member>) => EntityStore<Member>
  readonly targetSide?: (side: Side) => Side
  readonly legacySide?: (side: Side) => Side
  readonly migration?: Partial<MigrationOptions>
}

export function databases(): Databases {
  return { legacy: createMemoryDatabase(), target: createMemoryDatabase() }
}

export async function join(shared: Databases, options: ProcessOptions = {}): Promise<Process> {
  const step = options.step === undefined ? {} : { step: options.step }
  const legacySide = memorySide(shared.legacy, step)
  const targetSide = memorySide(shared.target, step)
  const members = legacySide.table<Member>('members', { key: 'id' })
  const users = targetSide.table<User>('users', { key: 'id', unique: ['email'] })
  const entity = defineEntity<Member, Member, User, User>({
    name: 'users',
    legacy: options.legacy?.(members) ?? members,
    target: options.target?.(users) ?? users,
    toTarget: options.toTarget ?? toUser,
    toLegacy: ({ email, ...rest }) => ({ ...rest, mail: email }),
  })
  const migration = createMigration({
    name: 'users',
    legacy: options.legacySide?.(legacySide) ?? legacySide,
    target: options.targetSide?.(targetSide) ?? targetSide,
    store: targetSide.store,
    entities: [entity],
    // Pauses take no time, and the watch never wakes up: a test refreshes when it means to.
    sleep: pauseOnly,
    refreshMs: WATCH_MS,
    leaseMs: 1e9,
    ...options.migration,
  })
  await migration.start()
  return { members, users, entity, migration, legacySide }
}

const WATCH_MS = 1e6

function pauseOnly(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms < WATCH_MS) return Promise.resolve()
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve()))
}

export function toUser({ mail, ...rest }: Member): User {
  return { ...rest, email: mail }
}

export function member(id: number, version = 1): Member {
  return { id, mail: `m${id}@example.org`, version }
}

export function members(count: number, from = 1): Member[] {
  return Array.from({ length: count }, (_, index) => member(from + index))
}

export async function finish(
  { migration, entity }: Process,
  options?: BackfillOptions,
): Promise<readonly BackfillProgress[]> {
  return all(backfill(migration, entity, options))
}

export async function all<T>(iterable: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = []
  for await (const item of iterable) items.push(item)
  return items
}

export async function drain(process: Process): Promise<void> {
  while ((await mirrorOnce(process.migration)) > 0);
}

/** What target would hold if it were a copy of legacy. */
export function expected({ members }: Process): readonly User[] {
  return members.rows().map(toUser)
}
