import type { StateStore } from '@twinspan/core'
import type { Kysely } from 'kysely'
import { openDatabase } from './database.ts'
import { nameOption } from './names.ts'
import { patient } from './patient.ts'
import { createAudit } from './state/audit.ts'
import { createClaims } from './state/claims.ts'
import { createDocuments } from './state/documents.ts'
import { createFindings } from './state/findings.ts'
import { createLeases } from './state/leases.ts'
import { createPhaseRecord } from './state/phase.ts'

/**
 * What a migration remembers beside its data, in any database that Kysely reaches: beside the target unless another one is
 * given to `createMigration`.
 *
 * @throws UnsupportedEngineError
 */
export function kyselyStateStore<DB>(db: Kysely<DB>): StateStore {
  const database = openDatabase(db)
  return {
    bind(name) {
      const migration = nameOption('name', name)
      return patient(database, {
        prepare: () => database.prepare(),
        ...createPhaseRecord(database, migration),
        ...createAudit(database, migration),
        ...createLeases(database, migration),
        ...createDocuments(database, migration),
        ...createClaims(database, migration),
        ...createFindings(database, migration),
      })
    },
  }
}
