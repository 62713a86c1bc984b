import {
  ErrorCode,
  InMemoryProvider,
  OpenFeature,
  type Provider,
  ProviderEvents,
  ProviderStatus,
} from '@openfeature/server-sdk'
import { fromOpenFeature, type OpenFeatureBoundOptions, routerProvider } from '@twinspan/router/openfeature'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RouterOptions } from '../src/index.ts'
import { BY, createWorld, type Process, walk } from './world.ts'

const tick = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

let world: ReturnType<typeof createWorld>
beforeEach(() => {
  vi.useFakeTimers()
  world = createWorld()
})
afterEach(async () => {
  await OpenFeature.close()
  await Promise.all([world.end(), tick(10_000)])
  vi.useRealTimers()
})

async function canary(options: Partial<RouterOptions> = {}): Promise<Process> {
  const process = await world.join(options)
  await walk(process.migration, 'canary')
  await process.router.start()
  return process
}

describe('the router as a provider', () => {
  const FLAG = 'things-move'

  async function client(provider: Provider) {
    await OpenFeature.setProviderAndWait('router-test', provider)
    return OpenFeature.getClient('router-test')
  }

  it('says who is in the canary, with variant, reason and metadata', async () => {
    const { migration, router } = await canary({ deny: ['denied'] })
    const flags = await client(routerProvider(migration, router))
    const ask = (targetingKey?: string) =>
      flags.getBooleanDetails(FLAG, true, targetingKey === undefined ? {} : { targetingKey })
    expect(await ask('1')).toMatchObject({ value: false, variant: 'legacy', reason: 'SPLIT' })
    await router.setPercent(100, BY)
    expect(await ask('1')).toMatchObject({
      value: true,
      variant: 'target',
      reason: 'SPLIT',
      flagMetadata: { migration: FLAG, phase: 'canary', epoch: 1, because: 'percent' },
    })
    expect(await ask('denied')).toMatchObject({ value: false, reason: 'TARGETING_MATCH' })
    expect(await ask()).toMatchObject({ value: false, reason: 'DEFAULT', flagMetadata: { because: 'no-key' } })
    expect(await flags.getStringValue(FLAG, 'neither', { targetingKey: '1' })).toBe('target')
    await router.kill(BY)
    expect(await ask('1')).toMatchObject({ value: false, variant: 'legacy', reason: 'DISABLED' })
  })

  it('goes by the tenant in the context', async () => {
    const { migration, router } = await canary()
    await router.setLists({ ...BY, tenants: { acme: 'target' } })
    const flags = await client(routerProvider(migration, router, { tenantAttribute: 'org' }))
    expect(await flags.getBooleanValue(FLAG, false, { targetingKey: '1', org: 'acme' })).toBe(true)
    expect(await flags.getBooleanValue(FLAG, false, { targetingKey: '1', org: 'shop' })).toBe(false)
  })

  it('knows no other flag and no other type', async () => {
    const { migration, router } = await canary()
    const flags = await client(routerProvider(migration, router))
    const context = { targetingKey: '1' }
    expect(await flags.getBooleanDetails('another', true, context)).toMatchObject({
      value: true,
      errorCode: ErrorCode.FLAG_NOT_FOUND,
    })
    expect(await flags.getNumberDetails(FLAG, 7, context)).toMatchObject({
      value: 7,
      errorCode: ErrorCode.TYPE_MISMATCH,
    })
    expect(await flags.getObjectDetails(FLAG, { a: 1 }, context)).toMatchObject({
      value: { a: 1 },
      errorCode: ErrorCode.TYPE_MISMATCH,
    })
  })

  it('tells of changes, of what is stale, of what is ready again and of what cannot be gone by', async () => {
    const { migration, router } = await canary()
    const flags = await client(routerProvider(migration, router))
    const told: string[] = []
    for (const event of [
      ProviderEvents.Ready,
      ProviderEvents.Stale,
      ProviderEvents.Error,
      ProviderEvents.ConfigurationChanged,
    ] as const) {
      flags.addHandler(event, () => told.push(event))
    }
    await tick(0)
    told.length = 0
    await router.setPercent(5, BY)
    await tick(0)
    expect(told.splice(0)).toEqual([ProviderEvents.ConfigurationChanged])

    world.breakStore(() => Promise.reject(new Error('gone')))
    await tick(13_000)
    expect(told.splice(0)).toEqual([ProviderEvents.Stale])
    expect(flags.providerStatus).toBe(ProviderStatus.STALE)
    expect(await flags.getBooleanDetails(FLAG, true, { targetingKey: '1' })).toMatchObject({
      value: false,
      reason: 'STALE',
    })
    world.mendStore()
    await tick(3_000)
    expect(told.splice(0)).toEqual([ProviderEvents.Ready])
    expect(flags.providerStatus).toBe(ProviderStatus.READY)

    await migration.store.putDocument('rollout', { from: 'a later version' }, { hint: true })
    await tick(0)
    expect(told.splice(0)).toContain(ProviderEvents.Error)
    expect(flags.providerStatus).toBe(ProviderStatus.ERROR)
    await router.kill(BY)
    await router.rearm(BY)
    await tick(0)
    expect(told.splice(0)).toContain(ProviderEvents.Ready)
    expect(flags.providerStatus).toBe(ProviderStatus.READY)
  })

  it('refuses a flag without a name', async () => {
    const { migration, router } = await canary()
    expect(() => routerProvider(migration, router, { flagKey: '' })).toThrow(/^Option flagKey /)
  })
})

describe('a flag of somebody else', () => {
  const FLAG = 'on-target'

  async function bounded(
    rule: (unit: string) => boolean,
    options: Partial<OpenFeatureBoundOptions> = {},
  ): Promise<Process & { readonly evaluations: () => number }> {
    let evaluations = 0
    const provider = new InMemoryProvider({
      [FLAG]: {
        variants: { on: true, off: false },
        defaultVariant: 'off',
        disabled: false,
        contextEvaluator: ({ targetingKey = '' }) => {
          evaluations++
          return rule(targetingKey) ? 'on' : 'off'
        },
      },
    })
    await OpenFeature.setProviderAndWait('bound-test', provider)
    const upperBound = fromOpenFeature(OpenFeature.getClient('bound-test'), { flag: FLAG, ...options })
    return { ...(await canary({ upperBound })), evaluations: () => evaluations }
  }

  it('is an upper bound: both have to say target', async () => {
    const { router } = await bounded((unit) => unit !== 'off')
    await Promise.all([router.prepare('on'), router.prepare('off')])
    expect(router.decide('on')).toMatchObject({ side: 'legacy', reason: 'percent' })
    await router.setPercent(100, BY)
    expect(router.decide('on')).toMatchObject({ side: 'target', reason: 'percent' })
    expect(router.decide('off')).toMatchObject({ side: 'legacy', reason: 'bound' })
    await router.kill(BY)
    expect(router.decide('on')).toMatchObject({ side: 'legacy', reason: 'killed' })
  })

  it('that is not known yet is off, and known the next time', async () => {
    const { router } = await bounded(() => true)
    await router.setPercent(100, BY)
    expect(router.decide('1').reason).toBe('bound')
    await tick(0)
    expect(router.decide('1').side).toBe('target')
  })

  it('is evaluated once in a while, and before anybody would have to wait for it', async () => {
    let isOn = true
    const { router, evaluations } = await bounded(() => isOn, { ttlMs: 4_000 })
    await router.setPercent(100, BY)
    await router.prepare('1')
    for (let n = 0; n < 50; n++) router.decide('1')
    expect(evaluations()).toBe(1)
    isOn = false
    await tick(3_500)
    expect(router.decide('1').side).toBe('target')
    await tick(0)
    expect(router.decide('1').reason).toBe('bound')
    expect(evaluations()).toBe(2)
  })

  it('costs a request no more than its budget, and the request its canary', async () => {
    const never = { getBooleanValue: () => new Promise<boolean>(() => {}) }
    const { router } = await canary({ upperBound: fromOpenFeature(never, { flag: FLAG, budgetMs: 40 }) })
    await router.setPercent(100, BY)
    let isPrepared = false
    void router.prepare('1').then(() => {
      isPrepared = true
    })
    await tick(39)
    expect(isPrepared).toBe(false)
    await tick(1)
    expect(isPrepared).toBe(true)
    expect(router.decide('1').reason).toBe('bound')
  })

  it('that cannot be evaluated is off', async () => {
    const failing = { getBooleanValue: () => Promise.reject(new Error('no provider')) }
    const { router } = await canary({ upperBound: fromOpenFeature(failing, { flag: FLAG }) })
    await router.setPercent(100, BY)
    await router.prepare('1')
    expect(router.decide('1').reason).toBe('bound')
  })

  it('is remembered for so many units', async () => {
    const { router, evaluations } = await bounded(() => true, { maxUnits: 2, ttlMs: 60_000 })
    for (const unit of ['1', '2', '3', '1']) await router.prepare(unit)
    expect(evaluations()).toBe(4)
  })

  it.each([
    [{ flag: '' }, 'flag'],
    [{ budgetMs: 0 }, 'budgetMs'],
    [{ ttlMs: -1 }, 'ttlMs'],
    [{ maxUnits: 0 }, 'maxUnits'],
  ])('refuses %j and names the option', (options, name) => {
    const client = { getBooleanValue: async () => true }
    expect(() => fromOpenFeature(client, { flag: FLAG, ...options })).toThrow(`Option ${name} `)
  })
})
