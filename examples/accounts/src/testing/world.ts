import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backfill } from '@twinspan/backfill'
import type { Migration, Phase } from '@twinspan/core'
import { walkTo } from '@twinspan/core/testing'
import { type Admission, argon2id, createAdmission } from '@twinspan/shadow-auth'
import { afterEach, beforeEach, vi } from 'vitest'
import { createAuth } from '../auth.ts'
import { type Databases, openDatabases } from '../databases.ts'
import { prepare } from '../prepare.ts'
import { createResets } from '../resets.ts'
import type { Parts } from '../service.ts'
import { createSessions } from '../sessions.ts'
import { createTwin } from '../twin.ts'
import { type Client, createClient } from './client.ts'

export interface RunningService {
  readonly url: string
  /** Ends it as a signal would. */
  close(): Promise<void>
}

export type Start = (parts: Parts) => Promise<RunningService>

/** What every test has of its own: two databases in the middle of a migration, and a service on them. */
export interface World extends Client {
  readonly databases: Databases
  readonly admission: Admission
  readonly parts: Parts
  readonly service: RunningService
  readonly mails: readonly { readonly to: string; readonly token: string }[]
  /** What the service has said on stderr. */
  readonly complaints: readonly unknown[]
  restart(changes?: Partial<Parts>): Promise<void>
  close(): Promise<void>
}

/** Opens a world for each test of a suite, with the migration at `phase`. */
export function eachWorld(start: Start, phase: Phase): () => World {
  let world: World
  beforeEach(async () => {
    world = await openWorld(start, phase)
  })
  afterEach(async () => {
    await world.close()
    vi.restoreAllMocks()
  })
  return () => world
}

async function openWorld(start: Start, phase: Phase): Promise<World> {
  const complaints: unknown[] = []
  vi.spyOn(console, 'error').mockImplementation((...args) => void complaints.push(...args))
  const directory = await mkdtemp(join(tmpdir(), 'twinspan-example-'))
  const databases = openDatabases({ legacy: join(directory, 'legacy.db'), target: join(directory, 'target.db') })
  await prepare(databases)
  const twin = createTwin(databases)
  await twin.start()
  await walk(twin.migration, phase)

  const admission = createAdmission({ permits: 2, queue: 0 })
  const auth = createAuth({ ...databases, admission, hash: argon2id({ m: 64, t: 1 }) })
  const mails: { to: string; token: string }[] = []
  const db = databases.legacy
  const parts: Parts = {
    auth,
    twin,
    sessions: createSessions(db),
    resets: createResets({ auth, db, mail: async (to, token) => void mails.push({ to, token }) }),
    config: {
      production: false,
      sessionSecret: 'a secret of thirty-two characters',
      proxies: 0,
      console: { admins: [1], mayAct: true },
    },
  }
  let service = await start(parts)
  return {
    ...createClient(() => service.url),
    databases,
    admission,
    parts,
    mails,
    complaints,
    get service() {
      return service
    },
    async restart(changes = {}) {
      await service.close()
      service = await start({ ...parts, ...changes })
    },
    async close() {
      await service.close()
      await twin.stop()
      await databases.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Takes a migration to a phase; its history is copied as soon as it may be. */
export async function walk(migration: Migration, phase: Phase): Promise<void> {
  if (phase === 'off' || phase === 'capture') return walkTo(migration, phase)
  await walkTo(migration, 'dual-write')
  for (const entity of migration.entities) for await (const step of backfill(migration, entity)) void step
  await walkTo(migration, phase)
}
