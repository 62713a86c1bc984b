import { backfill } from '@twinspan/backfill'
import { createMigration, type Migration, PHASES } from '@twinspan/core'
import { createMirror, dualWrite, local, type Mirror, write } from '@twinspan/dual-write'
import { reconcile } from '@twinspan/reconcile'
import type { OpenDatabase } from '../support/engines.ts'
import { type Accounts, LegacyAccounts, type LegacyDB, sidesOf, TargetAccounts, type TargetDB } from './two-schemas.ts'

export const by = { actor: 'test', reason: 'end to end' }

export interface Databases {
  readonly legacy: OpenDatabase<LegacyDB>
  readonly target: OpenDatabase<TargetDB>
}

/** What one process of the application has. */
export interface Service {
  readonly migration: Migration
  readonly mirror: Mirror
  readonly accounts: Accounts
  stop(): Promise<void>
}

const SEEDED = 200

export async function seed({ legacy }: Databases): Promise<void> {
  await legacy.db
    .insertInto('members')
    .values(Array.from({ length: SEEDED }, (_, n) => ({ mail: `m${n}@example.org`, status: 'Active', points: 0 })))
    .execute()
}

export async function startService(databases: Databases): Promise<Service> {
  const connections = { legacy: await databases.legacy.connect(), target: await databases.target.connect() }
  const { users, ...sides } = sidesOf(connections.legacy, connections.target)
  const migration = createMigration({ name: 'accounts', ...sides, entities: [users], refreshMs: 200 })
  await migration.start()
  const mirror = createMirror(migration, { pollMs: 50 })
  mirror.start()
  const accounts: Accounts = dualWrite(migration, users, {
    legacy: new LegacyAccounts(connections.legacy),
    target: new TargetAccounts(connections.target),
    operations: {
      create: write({ key: (_email, created) => created.id }),
      award: write({ key: (id) => id }),
      remove: write({ key: (id) => id }),
      all: local(),
    },
  })
  return {
    migration,
    mirror,
    accounts,
    async stop() {
      await mirror.stop()
      await migration.stop()
    },
  }
}

/** Takes a migration as far as its switch: history copied, everything compared. */
export async function prepareSwitch({ migration, mirror }: Pick<Service, 'migration' | 'mirror'>): Promise<void> {
  for (const to of PHASES.slice(1, PHASES.indexOf('canary') + 1)) {
    await migration.advance({ to, ...by })
    if (to === 'dual-write') for (const entity of migration.entities) await toTheEnd(backfill(migration, entity))
  }
  await mirror.drain()
  for (const entity of migration.entities) await toTheEnd(reconcile.sweep(migration, entity))
}

export async function toTheEnd(work: AsyncIterable<unknown>): Promise<void> {
  for await (const step of work) void step
}

export interface Load {
  during(ms: number): Promise<void>
  /** Ends the users and tells what they were told: the points of every account that must exist, and nothing else. */
  stop(): Promise<{
    readonly expected: ReadonlyMap<number, number>
    readonly errors: readonly unknown[]
    readonly writes: number
    readonly longestMs: number
  }>
}

/** Three users for every process, who create, award and remove all the time. */
export function startLoad(services: readonly Service[]): Load {
  const expected = new Map<number, number>(Array.from({ length: SEEDED }, (_, index) => [index + 1, 0]))
  const errors: unknown[] = []
  const strangers = services.length * 3
  let running = true
  let writes = 0
  let longestMs = 0

  async function act(accounts: Accounts, user: number, turn: number): Promise<void> {
    // Each user has accounts of its own, so that what it was told is what must be there.
    const own = 1 + user + strangers * (turn % Math.floor(SEEDED / strangers))
    if (turn % 5 === 3) {
      const { id } = await accounts.create(`u${user}-${turn}@example.org`)
      expected.set(id, 0)
    } else if (turn % 50 === 49) {
      await accounts.remove(own)
      expected.delete(own)
    } else {
      await accounts.award(own)
      const points = expected.get(own)
      if (points !== undefined) expected.set(own, points + 1)
    }
  }

  const users = Array.from({ length: strangers }, async (_, user) => {
    const { accounts } = services[user % services.length] as Service
    for (let turn = 0; running; turn++) {
      const began = Date.now()
      await act(accounts, user, turn).then(
        () => writes++,
        (error: unknown) => errors.push(error),
      )
      longestMs = Math.max(longestMs, Date.now() - began)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })
  return {
    during: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async stop() {
      running = false
      await Promise.all(users)
      return { expected, errors, writes, longestMs }
    },
  }
}

/** What both databases hold at rest, read without any of our own code. */
export async function atRest({ legacy, target }: Databases) {
  return { legacy: await new LegacyAccounts(legacy.db).all(), target: await new TargetAccounts(target.db).all() }
}
