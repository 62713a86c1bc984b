import { setTimeout as sleep } from 'node:timers/promises'
import type { TableFacts } from './catalog.ts'
import type { Database } from './database.ts'
import { normalize, type Trigger } from './triggers.ts'

const ATTEMPTS = 40

/** Triggers that a table is to have, and what it has. */
export interface Installation {
  readonly facts: TableFacts
  readonly triggers: readonly Trigger[]
}

/** Creates what is missing and replaces what was altered. What is in place costs a look at the catalog and no lock. */
export async function installTriggers(database: Database, { facts, triggers }: Installation): Promise<void> {
  await patiently(database, async () => {
    const installed = await database.dialect.installedTriggers(database.own, facts)
    const statements = triggers.flatMap((trigger) => {
      const definition = installed.get(trigger.name)
      if (definition === undefined) return trigger.create
      return isAltered(trigger, definition) ? [...trigger.drop, ...trigger.create] : []
    })
    if (statements.length > 0) await database.dialect.runDdl(database.own, statements)
  })
}

export async function uninstallTriggers(database: Database, { facts, triggers }: Installation): Promise<void> {
  await patiently(database, async () => {
    const installed = await database.dialect.installedTriggers(database.own, facts)
    const statements = triggers.filter(({ name }) => installed.has(name)).flatMap(({ drop }) => drop)
    if (statements.length > 0) await database.dialect.runDdl(database.own, statements)
  })
}

/** What is missing or altered, one sentence each. */
export async function verifyTriggers(
  { dialect, own }: Database,
  { facts, triggers }: Installation,
): Promise<readonly string[]> {
  const installed = await dialect.installedTriggers(own, facts)
  return triggers.flatMap((trigger) => {
    const definition = installed.get(trigger.name)
    if (definition === undefined) return [`Table "${facts.name}" has no trigger ${trigger.name}.`]
    return isAltered(trigger, definition) ? [`Trigger ${trigger.name} on table "${facts.name}" was altered.`] : []
  })
}

function isAltered(trigger: Trigger, definition: string): boolean {
  return normalize(trigger.definition) !== normalize(definition)
}

// A lock on a busy table is waited for briefly and often: while a request for one waits, every user waits behind it.
// Another process that installs the same triggers at the same time makes us fail and find them in place.
async function patiently(database: Database, attempt: () => Promise<void>): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt()
    } catch (error) {
      if (tried >= ATTEMPTS || !isPassing(database, error, tried)) throw error
      await sleep(20 + Math.random() * Math.min(tried * 50, 500))
    }
  }
}

function isPassing({ dialect }: Database, error: unknown, tried: number): boolean {
  const trouble = dialect.trouble(error)
  return trouble === 'lock-timeout' || trouble === 'busy' || tried < 3
}
