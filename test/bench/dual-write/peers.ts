import { createRequire } from 'node:module'
import { createMigration, init, integrations, LDMigrationStage, LDSerialExecution } from '@launchdarkly/node-server-sdk'
import type { Accounts } from './accounts.ts'

interface Experiment<T> {
  use(behaviour: () => T): void
  try(behaviour: () => T): void
  async(enabled: boolean): void
}

type Scientist = new () => { science<T>(name: string, setup: (experiment: Experiment<T>) => void): T }

// It has no types and is no module.
const require = createRequire(import.meta.url)
const Scientist = require('scientist') as Scientist

/** What everybody writes first. */
export function naive(legacy: Accounts, target: Accounts): Accounts {
  return {
    async save(id, balance) {
      await legacy.save(id, balance)
      await target.save(id, balance)
    },
    find: (id) => legacy.find(id),
  }
}

/** The same, with nobody's failure in the way of the other's write. */
export function allSettled(legacy: Accounts, target: Accounts): Accounts {
  return {
    async save(id, balance) {
      const [answer] = await Promise.allSettled([legacy.save(id, balance), target.save(id, balance)])
      if (answer.status === 'rejected') throw answer.reason
      return answer.value
    },
    find: (id) => legacy.find(id),
  }
}

/** npm `scientist`, its behaviours asynchronous. */
export function scientist(legacy: Accounts, target: Accounts): Accounts {
  const laboratory = new Scientist()
  return {
    save: (id, balance) =>
      laboratory.science<Promise<void>>('save', (experiment) => {
        experiment.async(true)
        experiment.use(() => legacy.save(id, balance))
        experiment.try(() => target.save(id, balance))
      }),
    find: (id) => legacy.find(id),
  }
}

/** LaunchDarkly's migration in its stage `dualwrite`, with flags of its own making and no network. */
export async function launchdarkly(
  legacy: Accounts,
  target: Accounts,
): Promise<{ readonly accounts: Accounts; close(): void }> {
  const flags = new integrations.TestData()
  await flags.update(flags.flag('move').valueForAll(LDMigrationStage.DualWrite))
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const client = init('offline', { updateProcessor: flags.getFactory(), sendEvents: false, logger: silent })
  await client.waitForInitialization({ timeout: 5 })
  interface Write {
    readonly id: number
    readonly balance: number
  }
  const succeed = <T>(result: T): { success: true; result: T } => ({ success: true, result })
  const fail = (error: unknown): { success: false; error: Error } => ({ success: false, error: error as Error })
  const saveIn =
    (side: Accounts) =>
    (write?: Write): Promise<ReturnType<typeof succeed<void>> | ReturnType<typeof fail>> =>
      side.save(write?.id ?? 0, write?.balance ?? 0).then(succeed, fail)
  const findIn = (side: Accounts) => (id?: number) => side.find(id ?? 0).then(succeed, fail)
  const migration = createMigration<number | undefined, void, number, Write>(client, {
    readOld: findIn(legacy),
    readNew: findIn(target),
    writeOld: saveIn(legacy),
    writeNew: saveIn(target),
    execution: new LDSerialExecution('fixed' as never),
    latencyTracking: false,
    errorTracking: false,
  })
  const context = { kind: 'user', key: 'bench' }
  return {
    accounts: {
      async save(id, balance) {
        const { authoritative } = await migration.write('move', context, LDMigrationStage.Off, { id, balance })
        if (!authoritative.success) throw authoritative.error
      },
      async find(id) {
        const read = await migration.read('move', context, LDMigrationStage.Off, id)
        if (!read.success) throw read.error
        return read.result
      },
    },
    close: () => client.close(),
  }
}
