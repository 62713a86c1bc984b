import type { CapturedEntity, Freeze } from '@twinspan/core'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import { type Installation, installTriggers, uninstallTriggers } from './install.ts'
import { tableOf } from './table-handle.ts'

/** The triggers that refuse every write, whoever makes it, copies included. */
export function createFreeze(database: Database, scope: Scope): Freeze {
  return {
    async install(entities) {
      for (const entity of entities) await installTriggers(database, await freezeTriggers(database, scope, entity))
    },
    async uninstall(entities) {
      for (const entity of entities) await uninstallTriggers(database, await freezeTriggers(database, scope, entity))
    },
    async denied() {
      const { dialect, own, schema } = database
      return dialect.deniedWrites(own, scope, await dialect.surroundings(own, schema))
    },
  }
}

export async function freezeTriggers(database: Database, scope: Scope, entity: CapturedEntity): Promise<Installation> {
  const facts = await tableOf(entity, database).facts()
  const surroundings = await database.dialect.surroundings(database.own, database.schema)
  return { facts, triggers: database.dialect.freezeTriggers({ scope, facts, surroundings }) }
}
