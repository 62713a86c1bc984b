import type { CapturedEntity, SideScope } from '@twinspan/core'
import type { Kysely } from 'kysely'
import { captureTriggers } from './capture.ts'
import { openDatabase } from './database.ts'
import { freezeTriggers } from './freeze.ts'
import type { Installation } from './install.ts'

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
  return statements(await Promise.all(entities.map((entity) => captureTriggers(database, scope, entity))))
}

/** The statements that `freeze.install` runs. */
export async function freezeSql<DB>(
  db: Kysely<DB>,
  scope: SideScope,
  entities: readonly CapturedEntity[],
): Promise<readonly string[]> {
  const database = openDatabase(db)
  return statements(await Promise.all(entities.map((entity) => freezeTriggers(database, scope, entity))))
}

/** Each once: entities may share a table. */
function statements(installations: readonly (readonly Installation[])[]): readonly string[] {
  const all = installations.flat().flatMap(({ triggers }) => triggers.flatMap(({ create }) => create))
  return [...new Set(all)]
}
