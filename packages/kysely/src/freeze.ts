import type { CapturedEntity, Freeze } from '@twinspan/core'
import { tablesOf } from './captured-tables.ts'
import type { Database } from './database.ts'
import type { Scope } from './dialect.ts'
import { type Installation, installTriggers, uninstallTriggers } from './install.ts'

/** The triggers that refuse every write, whoever makes it, copies included. */
export function createFreeze(database: Database, scope: Scope): Freeze {
  return {
    async install(entities) {
      for (const entity of entities) {
        for (const installation of await freezeTriggers(database, scope, entity)) {
          await installTriggers(database, installation)
        }
      }
    },
    async uninstall(entities) {
      for (const entity of entities) {
        for (const installation of await freezeTriggers(database, scope, entity)) {
          await uninstallTriggers(database, installation)
        }
      }
    },
    async denied() {
      const { dialect, own, schema } = database
      return dialect.deniedWrites(own, scope, await dialect.surroundings(own, schema))
    },
  }
}

/** What a freeze installs for an entity, table by table. */
export async function freezeTriggers(
  database: Database,
  scope: Scope,
  entity: CapturedEntity,
): Promise<readonly Installation[]> {
  const tables = await tablesOf(entity, database)
  const surroundings = await database.dialect.surroundings(database.own, database.schema)
  // A table that holds several parts is frozen once.
  const facts = new Map(tables.map((table) => [`${table.facts.schema}.${table.facts.name}`, table.facts]))
  return [...facts.values()].map((one) => ({
    facts: one,
    triggers: database.dialect.freezeTriggers({ scope, facts: one, surroundings }),
  }))
}
