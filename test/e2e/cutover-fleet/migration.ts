import { createMigration, type Entity, type Migration, type MigrationOptions } from '@twinspan/core'
import type { Kysely } from 'kysely'
import { type LegacyDB, sidesOf, type TargetDB } from '../two-schemas.ts'
import type { LegacyStore, TargetStore } from './accounts.ts'
import type { Orders } from './messages.ts'
import { connect } from './stores.ts'

export interface Opened {
  readonly migration: Migration
  readonly users: Entity
  readonly legacyDb: Kysely<LegacyStore>
  readonly targetDb: Kysely<TargetStore>
}

/** Every process describes the same migration. */
export function openMigration(
  { legacy, target, refreshMs }: Pick<Orders, 'legacy' | 'target' | 'refreshMs'>,
  options: Pick<MigrationOptions, 'leaseMs'> = {},
): Opened {
  const legacyDb = connect<LegacyStore>(legacy)
  const targetDb = connect<TargetStore>(target)
  const { users, ...sides } = sidesOf(legacyDb as unknown as Kysely<LegacyDB>, targetDb as unknown as Kysely<TargetDB>)
  const migration = createMigration({ name: 'accounts', ...sides, entities: [users], refreshMs, ...options })
  return { migration, users, legacyDb, targetDb }
}
