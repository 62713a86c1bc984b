import { createMigration, defineEntity, type Entity, type Migration } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import type { Kysely } from 'kysely'
import { type LegacySchema, openLegacy } from '../legacy/schema.ts'
import { openTarget } from '../target/schema.ts'
import { memberToLegacy, memberToTarget, placeToLegacy, placeToTarget } from './translate.ts'

/** Where the two databases are. */
export interface Stores {
  readonly legacyFile: string
  readonly targetUrl: string
}

/** A process's part in the migration: the service's, the backfill worker's, the operator's. */
export interface Twin {
  readonly migration: Migration
  readonly places: Entity
  readonly users: Entity
  readonly legacyDb: Kysely<LegacySchema>
  close(): Promise<void>
}

/** Every process describes the same migration: one name, the same two sides, the same entities. */
export function openTwin({ legacyFile, targetUrl }: Stores): Twin {
  const legacyDb = openLegacy(legacyFile)
  // The mirror's own connections: what it waits for, no request waits for.
  const targetDb = openTarget(targetUrl, { max: 2, queryTimeoutMs: 15_000 })
  const legacy = kyselySide(legacyDb)
  const target = kyselySide(targetDb)

  const places = defineEntity({
    name: 'places',
    legacy: legacy.table('gazetteer', { key: 'place_no' }),
    target: target.table('places', { key: 'id' }),
    toTarget: placeToTarget,
    toLegacy: placeToLegacy,
  })
  const users = defineEntity({
    name: 'users',
    legacy: legacy.table('members', { key: 'member_no' }),
    target: target.table('users', { key: 'id' }),
    toTarget: memberToTarget,
    toLegacy: memberToLegacy,
  })
  const migration = createMigration({
    name: 'gazetteer-to-postgres',
    legacy,
    target,
    capture: 'trigger',
    entities: [places, users],
    leaseMs: 5_000,
    refreshMs: 250,
  })
  return {
    migration,
    places,
    users,
    legacyDb,
    async close() {
      await migration.stop()
      await legacyDb.destroy()
      await targetDb.destroy()
    },
  }
}
