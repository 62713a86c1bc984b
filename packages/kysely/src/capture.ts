import type { Capture, CapturedEntity } from '@twinspan/core'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import { type Installation, installTriggers, uninstallTriggers, verifyTriggers } from './install.ts'
import { nameOption } from './names.ts'
import { tableOf } from './table-handle.ts'

/** The triggers that write every change's key into the journal. */
export function createCapture(database: Database, scope: Scope): Capture {
  return {
    async install(entities) {
      for (const entity of entities) await installTriggers(database, await captureTriggers(database, scope, entity))
    },
    async verify(entities) {
      const found: string[] = []
      for (const entity of entities) {
        found.push(...(await verifyTriggers(database, await captureTriggers(database, scope, entity))))
      }
      return found
    },
    async uninstall(entities) {
      for (const entity of entities) await uninstallTriggers(database, await captureTriggers(database, scope, entity))
    },
  }
}

export async function captureTriggers(database: Database, scope: Scope, entity: CapturedEntity): Promise<Installation> {
  const table = tableOf(entity, database)
  const facts = await table.facts()
  const surroundings = await database.dialect.surroundings(database.own, database.schema)
  return {
    facts,
    triggers: database.dialect.captureTriggers({
      scope,
      entity: nameOption('entities', entity.name),
      facts,
      key: table.physicalKey,
      surroundings,
    }),
  }
}
