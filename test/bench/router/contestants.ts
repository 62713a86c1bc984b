import { GrowthBookClient } from '@growthbook/growthbook'
import { init, integrations } from '@launchdarkly/node-server-sdk'
import { InMemoryProvider, OpenFeature } from '@openfeature/server-sdk'
import { createMigration, defineEntity, PHASES } from '@twinspan/core'
import { createMemoryDatabase, memorySide } from '@twinspan/core/testing'
import { createRouter } from '@twinspan/router'
import { bucket } from '@twinspan/router/bucket'
import { InMemStorageProvider, Unleash } from 'unleash-client'

/** Somebody who can say whether a user is among ten per cent. */
export interface Contestant {
  /** How many of the keys are in, by one call after the other. */
  ask(keys: readonly string[]): number | Promise<number>
  close(): Promise<void>
}

const PERCENT = 10
const FLAG = 'users-on-target'

export async function ours(): Promise<Contestant> {
  const [legacy, target] = [memorySide(createMemoryDatabase()), memorySide(createMemoryDatabase())]
  const table = { key: 'id', columns: ['id'] }
  const users = defineEntity({
    name: 'users',
    legacy: legacy.table<{ id: string }>('users', table),
    target: target.table<{ id: string }>('users', table),
    toTarget: (row) => row,
    toLegacy: (row) => row,
  })
  const migration = createMigration({ name: FLAG, legacy, target, entities: [users] })
  await migration.start()
  const by = { actor: 'bench', reason: 'to be measured' }
  for (const to of PHASES.slice(1, PHASES.indexOf('canary') + 1)) await migration.advance({ to, ...by })
  const router = createRouter(migration, { unit: 'user' })
  await router.start()
  await router.setPercent(PERCENT, by)
  return {
    ask(keys) {
      let inside = 0
      for (const key of keys) if (router.decide(key).side === 'target') inside++
      return inside
    },
    close: () => migration.stop(),
  }
}

export async function unleash(): Promise<Contestant> {
  const parameters = { rollout: String(PERCENT), stickiness: 'userId', groupId: FLAG }
  const strategies = [{ name: 'flexibleRollout', parameters, constraints: [] }]
  const client = new Unleash({
    appName: 'bench',
    // Nobody listens there: everything it needs is given to it.
    url: 'http://127.0.0.1:9/api',
    refreshInterval: 0,
    disableMetrics: true,
    skipInstanceCountWarning: true,
    storageProvider: new InMemStorageProvider(),
    bootstrap: {
      data: [
        {
          name: FLAG,
          type: 'release',
          enabled: true,
          stale: false,
          impressionData: false,
          project: 'p',
          variants: [],
          strategies,
        },
      ],
    },
  })
  client.on('error', () => {})
  client.on('warn', () => {})
  await new Promise<void>((resolve) => client.once('ready', resolve))
  return {
    ask(keys) {
      let inside = 0
      for (const userId of keys) if (client.isEnabled(FLAG, { userId })) inside++
      return inside
    },
    async close() {
      client.destroy()
    },
  }
}

export async function growthbook(): Promise<Contestant> {
  const rule = { force: true, coverage: PERCENT / 100, hashAttribute: 'id' }
  const client = new GrowthBookClient().initSync({
    payload: { features: { [FLAG]: { defaultValue: false, rules: [rule] } } },
  })
  return {
    ask(keys) {
      let inside = 0
      for (const id of keys) if (client.isOn(FLAG, { attributes: { id } })) inside++
      return inside
    },
    async close() {
      client.destroy()
    },
  }
}

export async function launchdarkly(): Promise<Contestant> {
  const data = new integrations.TestData()
  const variations = [
    { variation: 0, weight: PERCENT * 1_000 },
    { variation: 1, weight: 100_000 - PERCENT * 1_000 },
  ]
  const flag = {
    key: FLAG,
    version: 1,
    on: true,
    salt: 's',
    variations: [true, false],
    fallthrough: { rollout: { variations } },
  }
  void data.usePreconfiguredFlag(flag)
  const silent = (): void => {}
  const client = init('sdk-bench', {
    updateProcessor: data.getFactory(),
    sendEvents: false,
    diagnosticOptOut: true,
    logger: { error: silent, warn: silent, info: silent, debug: silent },
  })
  await client.waitForInitialization({ timeout: 5 })
  return {
    async ask(keys) {
      let inside = 0
      for (const key of keys) if ((await client.variation(FLAG, { kind: 'user', key }, false)) === true) inside++
      return inside
    },
    async close() {
      client.close()
    },
  }
}

/** The provider hashes as we do, so that what is measured is the road to it. */
export async function openfeature(): Promise<Contestant> {
  const scope = { migration: FLAG, unit: 'user' }
  const limit = (PERCENT / 100) * 2 ** 32
  const provider = new InMemoryProvider({
    [FLAG]: {
      variants: { target: true, legacy: false },
      defaultVariant: 'legacy',
      disabled: false,
      contextEvaluator: ({ targetingKey = '' }) => (bucket(targetingKey, scope) < limit ? 'target' : 'legacy'),
    },
  })
  await OpenFeature.setProviderAndWait(FLAG, provider)
  const client = OpenFeature.getClient(FLAG)
  return {
    async ask(keys) {
      let inside = 0
      for (const targetingKey of keys) if (await client.getBooleanValue(FLAG, false, { targetingKey })) inside++
      return inside
    },
    close: () => OpenFeature.close(),
  }
}
