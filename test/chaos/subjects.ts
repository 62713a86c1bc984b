import { createMigration, init, integrations, LDMigrationStage, LDSerialExecution } from '@launchdarkly/node-server-sdk'
import { createMirror, dualWrite, read, write } from '@twinspan/dual-write'
import type { Kysely } from 'kysely'
import type { Pass } from './failpoints.ts'
import type { Orders, Subject } from './messages.ts'
import { LEGACY_SHAPE, TARGET_SHAPE, TableThings, type Things } from './things.ts'
import { connect, openWorld } from './world.ts'

/** A service that writes to both stores in its way. */
export interface Running {
  readonly things: Things
  stop(): Promise<void>
}

export const SUBJECTS: Readonly<Record<Subject, (orders: Orders, pass: Pass) => Promise<Running>>> = {
  twinspan,
  launchdarkly,
}

const START_TRIES = 40

async function twinspan(orders: Orders, pass: Pass): Promise<Running> {
  const { migration, things, legacyDb, targetDb } = openWorld(orders, orders.capture, pass)
  const beforeCommit = () => pass('write.before-commit')
  const wrapped: Things = dualWrite<Things>(migration, things, {
    legacy: (db: Kysely<unknown>) => new TableThings(db, LEGACY_SHAPE, beforeCommit),
    target: (db: Kysely<unknown>) => new TableThings(db, TARGET_SHAPE, beforeCommit),
    operations: {
      put: write({ key: (key) => key }),
      place: write({ key: (key) => key }),
      remove: write({ key: (key) => key }),
      replace: write({ key: (key) => key }),
      exchange: write({ key: (key) => key }),
      pair: write({ keys: (keys) => keys }),
      move: write({ keys: (from, to) => [from, to] }),
      swap: write({ keys: (keys) => keys }),
      find: read({ key: (key) => key, unit: String }),
    },
    router: { decide: (unit) => ({ side: Number(unit) % 2 === 0 ? 'target' : 'legacy' }) },
    readTimeoutMs: 500,
  })
  const mirror = createMirror(migration, { pollMs: 50, timeoutMs: 3_000, firstPauseMs: 50, longestPauseMs: 1_000 })
  // A primary that is away, or a switch in progress, makes the start fail; a supervisor would try again as well.
  for (let tries = 1; ; tries++) {
    try {
      await migration.start()
      break
    } catch (error) {
      if (tries === START_TRIES) throw error
      await migration.sleep(250)
    }
  }
  mirror.start()
  return {
    things: wrapped,
    async stop() {
      await migration.stop()
      await Promise.all([legacyDb.destroy(), targetDb.destroy()])
    },
  }
}

/** LaunchDarkly's migration in its stage `dualwrite`: the flag is of its own making, and there is no network. */
async function launchdarkly(orders: Orders, pass: Pass): Promise<Running> {
  const flags = new integrations.TestData()
  await flags.update(flags.flag('move').valueForAll(LDMigrationStage.DualWrite))
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const client = init('offline', { updateProcessor: flags.getFactory(), sendEvents: false, logger: silent })
  await client.waitForInitialization({ timeout: 5 })
  const dbs = { legacy: connect<unknown>(orders.legacy), target: connect<unknown>(orders.target) }
  const beforeCommit = () => pass('write.before-commit')
  const [legacy, target] = [
    new TableThings(dbs.legacy, LEGACY_SHAPE, beforeCommit),
    new TableThings(dbs.target, TARGET_SHAPE, beforeCommit),
  ]
  type Call = (things: Things) => Promise<unknown>
  const on = (things: Things) => (call?: Call) =>
    (call?.(things) ?? Promise.resolve()).then(
      (result): { success: true; result: unknown } => ({ success: true, result }),
      (error: unknown): { success: false; error: Error } => ({ success: false, error: error as Error }),
    )
  const migration = createMigration<unknown, unknown, Call, Call>(client, {
    readOld: on(legacy),
    readNew: on(target),
    writeOld: on(legacy),
    writeNew: on(target),
    // The enumeration behind it is not exported.
    execution: new LDSerialExecution('fixed' as never),
    latencyTracking: false,
    errorTracking: false,
  })
  const context = { kind: 'user', key: 'chaos' }
  const write = async <T>(call: (things: Things) => Promise<T>): Promise<T> => {
    const { authoritative } = await migration.write('move', context, LDMigrationStage.Off, call)
    if (!authoritative.success) throw authoritative.error
    return authoritative.result as T
  }
  return {
    things: {
      put: (...call) => write((things) => things.put(...call)),
      place: (...call) => write((things) => things.place(...call)),
      remove: (...call) => write((things) => things.remove(...call)),
      replace: (...call) => write((things) => things.replace(...call)),
      exchange: (...call) => write((things) => things.exchange(...call)),
      pair: (...call) => write((things) => things.pair(...call)),
      move: (...call) => write((things) => things.move(...call)),
      swap: (...call) => write((things) => things.swap(...call)),
      async find(key) {
        const found = await migration.read('move', context, LDMigrationStage.Off, (things: Things) => things.find(key))
        if (!found.success) throw found.error
        return found.result as string | null
      },
    },
    async stop() {
      client.close()
      await Promise.all([dbs.legacy.destroy(), dbs.target.destroy()])
    },
  }
}
