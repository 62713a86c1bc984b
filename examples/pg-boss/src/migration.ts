import { createMigration, defineEntity, type Entity, type Migration, sameColumns } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import type { Kysely } from 'kysely'
import { connect, type Legacy, type Target, type Urls } from './databases.ts'

/** What every process of the application has. */
export interface App {
  readonly migration: Migration
  readonly users: Entity
  readonly legacyDb: Kysely<Legacy>
  readonly targetDb: Kysely<Target>
  stop(): Promise<void>
}

export async function startApp(urls: Urls): Promise<App> {
  const [legacyDb, targetDb] = [connect<Legacy>(urls.legacy), connect<Target>(urls.target)]
  const [legacy, target] = [kyselySide(legacyDb), kyselySide(targetDb)]
  const users = defineEntity({
    name: 'users',
    legacy: legacy.table('customers', { key: 'customer_no' }),
    target: target.table('users', { key: 'id' }),
    ...sameColumns({ customer_no: 'id', full_name: 'name', mail: 'email', orders: 'orders' }),
  })
  const migration = createMigration({ name: 'customers', legacy, target, entities: [users] })
  await migration.start()
  return {
    migration,
    users: users as Entity,
    legacyDb,
    targetDb,
    async stop() {
      await migration.stop()
      await Promise.all([legacyDb.destroy(), targetDb.destroy()])
    },
  }
}
