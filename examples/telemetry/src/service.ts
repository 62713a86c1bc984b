import { createMigration, defineEntity, type Entity, type Migration, sameColumns } from '@twinspan/core'
import { type Cutover, createCutover } from '@twinspan/cutover'
import { createMirror, dualWrite, type Mirror, read, write } from '@twinspan/dual-write'
import { kyselySide } from '@twinspan/kysely'
import { createRouter, guardRouter, type Router } from '@twinspan/router'
import { type Databases, openDatabases } from './databases.ts'
import { legacyMembers, type Members, targetMembers } from './members.ts'

export interface Service {
  readonly migration: Migration
  readonly users: Entity
  readonly members: Members
  readonly router: Router
  readonly mirror: Mirror
  readonly cutover: Cutover
  readonly databases: Databases
  stop(): Promise<void>
}

export interface ServiceOptions {
  /** How often the journal is measured. Prometheus need not ask more often. */
  readonly statsMs: number
}

/** One process of a service in the middle of a migration. Nothing in it speaks of metrics. */
export async function startService(folder: string, { statsMs }: ServiceOptions): Promise<Service> {
  const databases = openDatabases(folder)
  const legacy = kyselySide(databases.legacy)
  const target = kyselySide(databases.target)
  const users = defineEntity({
    name: 'users',
    legacy: legacy.table('members', { key: 'member_id' }),
    target: target.table('users', { key: 'id' }),
    ...sameColumns({ member_id: 'id', mail: 'email' }),
  })
  const migration = createMigration({ name: 'members', legacy, target, entities: [users], refreshMs: 250 })
  await migration.start()
  const router = createRouter(migration, { unit: 'member' })
  await router.start()
  guardRouter(migration, router)
  const mirror = createMirror(migration, { statsMs, maxAttempts: 3, firstRetryMs: 50, longestPauseMs: 500 })
  mirror.start()
  const members = dualWrite<Members>(migration, users, {
    legacy: legacyMembers(databases.legacy),
    target: targetMembers(databases.target),
    operations: {
      find: read({ unit: (id) => String(id), key: (id) => id }),
      join: write({ key: (_mail, joined) => joined.id }),
      rename: write({ key: (id) => id }),
    },
    router,
    shadowRate: 0.5,
  })
  return {
    migration,
    users,
    members,
    router,
    mirror,
    cutover: createCutover(migration, { drain: () => mirror.drain() }),
    databases,
    async stop() {
      await migration.stop()
      await databases.close()
    },
  }
}
