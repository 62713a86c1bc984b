import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Document, RolloutKilledError, type TwinspanEvent } from '@twinspan/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RouterOptions, UpperBound } from '../src/index.ts'
import { BY, createWorld, type Process, walk } from './world.ts'

const tick = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

let world: ReturnType<typeof createWorld>
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] })
  world = createWorld()
})
afterEach(async () => {
  await Promise.all([world.end(), tick(10_000)])
  vi.useRealTimers()
})

async function canary(options: Partial<RouterOptions> = {}): Promise<Process> {
  const process = await world.join(options)
  await walk(process.migration, 'canary')
  process.router.decide('1')
  await tick(0)
  return process
}

describe('a tenant', () => {
  const tenantOf = (key: string): string => {
    const [tenant = ''] = key.split('/')
    if (tenant === '?') throw new Error('unknown')
    return tenant
  }

  it('that is pinned reads from its side at any percentage', async () => {
    const { router } = await canary({ tenantOf })
    await router.setLists({ ...BY, tenants: { acme: 'target', bank: 'legacy' } })
    expect(router.decide('acme/1')).toMatchObject({ side: 'target', reason: 'tenant' })
    await router.setPercent(100, BY)
    expect(router.decide('bank/1')).toMatchObject({ side: 'legacy', reason: 'tenant' })
    expect(router.decide('shop/1')).toMatchObject({ side: 'target', reason: 'percent' })
    expect(router.decide('17', 'bank')).toMatchObject({ side: 'legacy', reason: 'tenant' })
    expect(router.decide('bank/1', 'shop')).toMatchObject({ side: 'target', reason: 'percent' })
    expect(router.status().tenants).toBe(2)
  })

  it('is weaker than the lists of keys and stronger than the percentage', async () => {
    const { router } = await canary({ tenantOf, tenants: { acme: 'legacy' }, allow: ['acme/1'], deny: ['shop/1'] })
    await router.setLists({ ...BY, tenants: { shop: 'target' } })
    await router.setPercent(100, BY)
    expect(router.decide('acme/1').reason).toBe('allow')
    expect(router.decide('acme/2')).toMatchObject({ side: 'legacy', reason: 'tenant' })
    expect(router.decide('shop/1')).toMatchObject({ side: 'legacy', reason: 'deny' })
    await router.kill(BY)
    expect(router.decide('shop/2')).toMatchObject({ side: 'legacy', reason: 'killed' })
  })

  it('that cannot be told keeps its key on legacy while anybody is pinned', async () => {
    const { router } = await canary({ tenantOf })
    await router.setPercent(100, BY)
    expect(router.decide('?/1').side).toBe('target')
    await router.setLists({ ...BY, tenants: { bank: 'legacy' } })
    expect(router.decide('?/1')).toMatchObject({ side: 'legacy', reason: 'tenant' })
  })

  it('is pinned to a side or not at all', async () => {
    const { router } = await canary()
    await expect(router.setLists({ ...BY, tenants: { acme: 'both' } as never })).rejects.toThrow(/^Option tenants /)
  })
})

describe('the last known rollout on disk', () => {
  let folder: string
  let lastKnown: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'twinspan-router-'))
    lastKnown = join(folder, 'rollout.json')
  })
  afterEach(() => rm(folder, { recursive: true }))

  async function onDisk(): Promise<unknown> {
    return JSON.parse(await readFile(lastKnown, 'utf8'))
  }

  it('is the newest, whole, and the only file', async () => {
    const { router } = await canary({ lastKnown })
    await Promise.all([router.setPercent(5, BY), router.setLists({ ...BY, deny: ['x'] })])
    await router.kill(BY)
    await vi.waitFor(async () => expect(await onDisk()).toMatchObject({ version: 3, value: { percent: '0' } }))
    expect(await readdir(folder)).toEqual(['rollout.json'])
  })

  it('sends nobody to target while the store is away', async () => {
    const first = await canary({ lastKnown })
    await first.router.setPercent(100, BY)
    await vi.waitFor(async () => expect(await onDisk()).toMatchObject({ value: { percent: '100' } }))
    world.breakStore((what) => (what === 'get rollout' ? new Promise(() => {}) : Promise.resolve()))
    const second = await world.join({ lastKnown })
    expect(second.router.decide('1')).toMatchObject({ side: 'legacy', reason: 'unread' })
    await tick(5_000)
    expect(second.router.decide('1')).toMatchObject({ side: 'legacy', reason: 'unread' })
  })

  it('keeps a process on legacy whose store has lost the kill, until somebody re-arms', async () => {
    const first = await canary({ lastKnown })
    await first.router.setPercent(100, BY)
    const { store } = first.migration
    const before = (await store.getDocument('rollout')) as Document
    await first.router.kill({ actor: 'guard', reason: 'errors' })
    await vi.waitFor(async () => expect(await onDisk()).toMatchObject({ version: 2 }))

    // A backup from before the kill.
    await store.removeDocuments(['rollout'])
    await store.putDocument('rollout', before.value)
    const second = await world.join({ lastKnown, steps: [100] })
    second.router.decide('1')
    await tick(1_300)
    for (const { router } of [first, second]) {
      expect(router.decide('1').reason).toBe('killed')
      expect(router.status()).toMatchObject({ killed: { actor: 'guard' }, problem: /lost a kill/ as never })
      await expect(router.setPercent(1, BY)).rejects.toThrow(RolloutKilledError)
    }

    await second.router.rearm(BY)
    await tick(1_300)
    for (const { router } of [first, second]) expect(router.decide('1')).toMatchObject({ side: 'target' })
  })

  it.each(['', '{', '{"migration":"other"}', '{"migration":"things-move","version":1,"value":{"percent":7}}'])(
    'counts for nothing when it says %j',
    async (text) => {
      await writeFile(lastKnown, text)
      const { router } = await canary({ lastKnown })
      await router.setPercent(100, BY)
      expect(router.decide('1').side).toBe('target')
    },
  )
})

describe('a hint of the store', () => {
  it('is a reason to read at once', async () => {
    const first = await canary({ refreshMs: 60_000, leaseMs: 600_000 })
    const second = await world.join({ refreshMs: 60_000, leaseMs: 600_000 })
    await second.router.start()
    await first.router.setPercent(100, BY)
    await tick(0)
    expect(second.router.decide('1').side).toBe('target')
    await first.router.kill(BY)
    await tick(0)
    expect(second.router.decide('1').reason).toBe('killed')
  })

  it('is heard by nobody any more after the end', async () => {
    const first = await canary()
    const second = await world.join()
    await second.router.start()
    await second.router.stop()
    let reads = 0
    second.migration.events.on('rollout', () => reads++)
    await first.router.kill(BY)
    await tick(5_000)
    expect(reads).toBe(0)
  })
})

describe('a unit of work', () => {
  it('keeps its first decision about a key, whatever happens to the rollout', async () => {
    const { migration, router } = await canary()
    await migration.run(async () => {
      expect(router.decide('1').side).toBe('legacy')
      await router.setPercent(100, BY)
      expect(router.decide('1').side).toBe('legacy')
      expect(router.decide('2').side).toBe('target')
      migration.unitOfWork!.released = true
      expect(router.decide('1').side).toBe('target')
    })
    expect(router.decide('1').side).toBe('target')
  })
})

describe('pause', () => {
  it('keeps this process on legacy and no other', async () => {
    const first = await canary()
    await first.router.setPercent(100, BY)
    const second = await world.join()
    await second.router.start()
    second.router.pause(true)
    expect(second.router.decide('1')).toMatchObject({ side: 'legacy', reason: 'paused' })
    expect(second.router.status().paused).toBe(true)
    expect(first.router.decide('1').side).toBe('target')
    second.router.pause(false)
    expect(second.router.decide('1').side).toBe('target')
  })
})

describe('an upper bound', () => {
  it('takes people away from target and brings nobody there', async () => {
    const asked: string[] = []
    const upperBound: UpperBound = {
      allows: (unit) => asked.push(unit) > 0 && unit !== 'barred',
      prepare: async () => {},
    }
    const { router } = await canary({ upperBound })
    expect(router.decide('1')).toMatchObject({ side: 'legacy', reason: 'percent' })
    expect(asked).toEqual([])
    await router.setPercent(100, BY)
    expect(router.decide('1').side).toBe('target')
    expect(router.decide('barred')).toMatchObject({ side: 'legacy', reason: 'bound' })
    await router.kill(BY)
    expect(router.decide('1').reason).toBe('killed')
  })
})

describe('a planned step', () => {
  it('does not overrule what somebody did meanwhile', async () => {
    const { router } = await canary()
    await router.setPercent(5, BY)
    await router.setPercent(1, BY)
    await router.setPercent(10, { ...BY, from: '5' })
    expect(router.status().percent).toBe('1')
    await router.setPercent(5, { ...BY, from: '1', evidence: { units: 7 } })
    expect(router.status().percent).toBe('5')
  })
})

describe('decisions', () => {
  it('are counted by side and reason', async () => {
    const { migration, router } = await canary()
    await router.setPercent(100, BY)
    await tick(1_300)
    const told: TwinspanEvent[] = []
    migration.events.on('rollout-decisions', (event) => told.push(event))
    for (let n = 0; n < 3; n++) router.decide(`${n}`)
    router.decide(undefined)
    await router.kill(BY)
    router.decide('1')
    await tick(1_300)
    expect(told).toEqual([
      { type: 'rollout-decisions', side: 'target', reason: 'percent', count: 3 },
      { type: 'rollout-decisions', side: 'legacy', reason: 'no-key', count: 1 },
      { type: 'rollout-decisions', side: 'legacy', reason: 'killed', count: 1 },
    ])
  })
})
