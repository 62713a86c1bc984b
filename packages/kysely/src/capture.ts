import type { Capture, CapturedEntity } from '@twinspan/core'
import { tablesOf } from './captured-tables.ts'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import { type Installation, installTriggers, uninstallTriggers, verifyTriggers } from './install.ts'
import { nameOption } from './names.ts'

/** The triggers that write every change's key into the journal. */
export function createCapture(database: Database, scope: Scope): Capture {
  async function each(
    entities: readonly CapturedEntity[],
    work: (database: Database, installation: Installation) => Promise<unknown>,
  ): Promise<void> {
    for (const entity of entities) {
      for (const installation of await captureTriggers(database, scope, entity)) await work(database, installation)
    }
  }
  return {
    install: (entities) => each(entities, installTriggers),
    async verify(entities) {
      const found: string[] = []
      await each(entities, async (...at) => found.push(...(await verifyTriggers(...at))))
      return found
    },
    uninstall: (entities) => each(entities, uninstallTriggers),
  }
}

/** What capture installs for an entity, table by table. */
export async function captureTriggers(
  database: Database,
  scope: Scope,
  entity: CapturedEntity,
): Promise<readonly Installation[]> {
  const tables = await tablesOf(entity, database)
  const surroundings = await database.dialect.surroundings(database.own, database.schema)
  const name = nameOption('entities', entity.name)
  return tables.map((table) => ({
    facts: table.facts,
    triggers: database.dialect.captureTriggers({ scope, entity: name, ...table, surroundings }),
  }))
}
