import {
  createMigration,
  defineEntity,
  type Entity,
  type Migration,
  type MigrationOptions,
  type Phase,
} from '@twinspan/core'
import {
  createMemoryDatabase,
  type MemoryDatabase,
  type MemorySide,
  type MemoryTable,
  memorySide,
  type Step,
  walkTo,
} from '@twinspan/core/testing'

export interface Member {
  readonly member_id: number
  readonly mail: string
}

export interface User {
  readonly id: number
  readonly email: string
}

export interface World {
  readonly legacy: MemoryDatabase
  readonly target: MemoryDatabase
  /** The clock of both databases and of every process. */
  clock: number
}

export function createWorld(): World {
  const world: World = {
    legacy: createMemoryDatabase({ now: () => world.clock }),
    target: createMemoryDatabase({ now: () => world.clock }),
    clock: 1_000,
  }
  return world
}

/** One process of the service: sides, migration and tables of its own over the databases of the world. */
export interface Process {
  readonly migration: Migration
  readonly users: Entity<Member, Member, User, User>
  readonly legacy: MemorySide
  readonly target: MemorySide
  readonly members: MemoryTable<Member>
  readonly accounts: MemoryTable<User>
}

export interface ProcessOptions extends Partial<MigrationOptions> {
  readonly legacyStep?: Step
  readonly targetStep?: Step
}

export function createProcess(world: World, { legacyStep, targetStep, ...options }: ProcessOptions = {}): Process {
  const legacy = memorySide(world.legacy, legacyStep === undefined ? {} : { step: legacyStep })
  const target = memorySide(world.target, targetStep === undefined ? {} : { step: targetStep })
  const members = legacy.table<Member>('members', { key: 'member_id' })
  const accounts = target.table<User>('users', { key: 'id', unique: ['email'] })
  const users = defineEntity({
    name: 'users',
    legacy: members,
    target: accounts,
    toTarget: (row) => ({ id: row.member_id, email: row.mail }),
    toLegacy: (row) => ({ member_id: row.id, mail: row.email }),
  })
  const migration = createMigration({
    name: 'users-to-target',
    legacy,
    target,
    entities: [users],
    now: () => world.clock,
    // The watch sleeps until the migration stops; every other wait is over in no time.
    sleep: (_, signal) =>
      signal === undefined
        ? Promise.resolve()
        : new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
          ),
    ...options,
  })
  return { migration, users, legacy, target, members, accounts }
}

export const advanceTo = (phase: Phase, migration: Migration): Promise<void> => walkTo(migration, phase)

/** A process that has started and taken the migration to `phase`. */
export async function inPhase(
  phase: Phase,
  options: ProcessOptions = {},
  world: World = createWorld(),
): Promise<Process & { readonly world: World }> {
  const process = createProcess(world, options)
  await process.migration.start()
  await walkTo(process.migration, phase)
  return { ...process, world }
}
