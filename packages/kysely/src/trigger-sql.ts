import type { CapturedEntity, SideScope } from '@twinspan/core'
import type { Kysely } from 'kysely'
import { captureTriggers } from './capture.ts'
import { openDatabase } from './database.ts'
import { freezeTriggers } from './freeze.ts'

/**
 * The statements that `capture.install` runs, for those who must read or run them by hand. Twinspan's tables and the
 * entities' tables have to exist.
 */
export async function captureSql<DB>(
  db: Kysely<DB>,
  scope: SideScope,
  entities: readonly CapturedEntity[],
): Promise<readonly string[]> {
  const database = openDatabase(db)
  const installations = await Promise.all(entities.map((entity) => captureTriggers(database, scope, entity)))
  return installations.flatMap(({ triggers }) => triggers.flatMap(({ create }) => create))
}

/** The statements that `freeze.install` runs. */
export async function freezeSql<DB>(
  db: Kysely<DB>,
  scope: SideScope,
  entities: readonly CapturedEntity[],
): Promise<readonly string[]> {
  const database = openDatabase(db)
  const installations = await Promise.all(entities.map((entity) => freezeTriggers(database, scope, entity)))
  return installations.flatMap(({ triggers }) => triggers.flatMap(({ create }) => create))
}
