import { InvalidOptionError, type StateStore } from '@twinspan/core'
import type { Kysely } from 'kysely'
import { type Database, openDatabase } from './database.ts'
import { nameOption } from './names.ts'
import { patient } from './patient.ts'
import { createAudit } from './state/audit.ts'
import { createClaims } from './state/claims.ts'
import { createDocuments } from './state/documents.ts'
import { createFindings } from './state/findings.ts'
import { createHints, type FollowOptions, type Hints } from './state/follow.ts'
import { createLeases } from './state/leases.ts'
import { createPhaseRecord } from './state/phase.ts'

/**
 * What a migration remembers beside its data, in any database that Kysely reaches: beside the target unless another one is
 * given to `createMigration`.
 *
 * @throws UnsupportedEngineError, InvalidOptionError
 */
export function kyselyStateStore<DB>(db: Kysely<DB>, options: FollowOptions = {}): StateStore {
  const database = openDatabase(db)
  return openStateStore(database, hintsOption(database, options))
}

/** @throws InvalidOptionError */
export function hintsOption({ dialect }: Database, { listen }: FollowOptions): Hints | undefined {
  if (listen === undefined) return undefined
  if (dialect.engine === 'postgres') return createHints(listen)
  throw new InvalidOptionError('listen', listen, 'nothing on this engine, because only PostgreSQL notifies')
}

export function openStateStore(database: Database, hints: Hints | undefined): StateStore {
  return {
    bind(name) {
      const migration = nameOption('name', name)
      return patient(database, {
        prepare: () => database.prepare(),
        ...createPhaseRecord(database, migration),
        ...createAudit(database, migration),
        ...createLeases(database, migration),
        ...createDocuments(database, migration, hints),
        ...createClaims(database, migration),
        ...createFindings(database, migration),
      })
    },
  }
}
