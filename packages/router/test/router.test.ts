import { InvalidOptionError, RolloutKilledError, type TwinspanEvent } from '@twinspan/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { bucket } from '../src/bucket.ts'
import { createRouter } from '../src/index.ts'
import { BY, cohort, createWorld, type Process, someKeys, walk } from './world.ts'

const keys = someKeys(2_000)
const tick = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

let world: ReturnType<typeof createWorld>
beforeEach(() => {
  vi.useFakeTimers()
  world = createWorld()
})
afterEach(async () => {
  await Promise.all([world.end(), tick(10_000)])
  vi.useRealTimers()
})

async function canary(options = {}): Promise<Process> {
  const process = await world.join(options)
  await walk(process.migration, 'canary')
  await tick(0)
  return process
}

describe('decide', () => {
  it.each(['off', 'capture', 'dual-write', 'shadow'] as const)('answers legacy in %s, at 100 % too', async (phase) => {
    const { migration, router } = await world.join()
    await router.setPercent(100, BY)
    await walk(migration, phase)
    expect(router.decide('1')).toMatchObject({ side: 'legacy', reason: 'phase' })
  })

  it('sends nobody at 0 % and everybody at 100 %', async () => {
    const { router } = await canary()
    expect(cohort(router, keys).size).toBe(0)
    await router.setPercent('100', BY)
    expect(cohort(router, keys).size).toBe(keys.length)
    await router.setPercent('0', BY)
    expect(cohort(router, keys).size).toBe(0)
  })

  it('sends the share that was asked for, and the same keys in every process', async () => {
    const first = await canary()
    const second = await world.join()
    await first.router.setPercent('10', BY)
    await tick(1_300)
    const there = cohort(first.router, keys)
    expect(there.size).toBeGreaterThan(150)
    expect(there.size).toBeLessThan(250)
    second.router.decide('1')
    await tick(1_300)
    expect(cohort(second.router, keys)).toEqual(there)
  })

  it('keeps whoever was in while the percentage grows', async () => {
    const { router } = await canary()
    let before = new Set<string>()
    for (const percent of ['0.5', '1', '5', '10', '25', '50', '99.9', '100']) {
      await router.setPercent(percent, BY)
      const after = cohort(router, keys)
      expect([...before].filter((key) => !after.has(key))).toEqual([])
      before = after
    }
  })

  it('draws the line strictly below the threshold', async () => {
    const { router } = await canary()
    const scope = { migration: 'things-move', unit: 'user' }
    for (const key of someKeys(20)) {
      const hash = BigInt(bucket(key, scope))
      // 20 decimals name each of the 2^32 thresholds.
      const percentOf = (threshold: bigint): string => {
        const digits = ((threshold * 10n ** 22n) / 2n ** 32n).toString().padStart(21, '0')
        return `${digits.slice(0, -20)}.${digits.slice(-20)}`
      }
      await router.setPercent(percentOf(hash), BY)
      expect(router.decide(key).side).toBe('legacy')
      await router.setPercent(percentOf(hash + 1n), BY)
      expect(router.decide(key).side).toBe('target')
    }
  })

  it.each([undefined, null, '', 1.5, Number.NaN, {}, []])(
    'answers legacy and counts when the key is %s',
    async (key) => {
      const { router } = await canary()
      await router.setPercent(100, BY)
      expect(router.decide(key as string)).toMatchObject({ side: 'legacy', reason: 'no-key' })
      expect(router.status().withoutKey).toBe(1)
    },
  )

  it('takes 7, 7n and "7" for one key', async () => {
    const { router } = await canary()
    await router.setPercent(50, BY)
    for (let key = 0; key < 100; key++) {
      expect(router.decide(key)).toBe(router.decide(String(key)))
      expect(router.decide(BigInt(key))).toBe(router.decide(String(key)))
    }
  })

  it('hands out the same frozen object for the same decision', async () => {
    const { router } = await canary()
    const decision = router.decide('1')
    expect(router.decide('2')).toBe(decision)
    expect(Object.isFrozen(decision)).toBe(true)
  })

  it('carries the version that it was decided by', async () => {
    const { router } = await canary()
    expect(router.decide('1').epoch).toBe(0)
    await router.setPercent(1, BY)
    await router.setPercent(2, BY)
    expect(router.decide('1').epoch).toBe(2)
  })

  it('prefers deny to allow to the percentage, from the code and from the store alike', async () => {
    const { router } = await canary({ allow: ['friend', 'both'], deny: ['both'] })
    expect(router.decide('friend')).toMatchObject({ side: 'target', reason: 'allow' })
    expect(router.decide('both')).toMatchObject({ side: 'legacy', reason: 'deny' })
    await router.setPercent(100, BY)
    await router.setLists({ deny: ['boss', 'friend'], ...BY })
    expect(router.decide('boss')).toMatchObject({ side: 'legacy', reason: 'deny' })
    expect(router.decide('friend')).toMatchObject({ side: 'legacy', reason: 'deny' })
    await router.kill(BY)
    expect(router.decide('friend').reason).toBe('killed')
  })

  it('answers legacy before the migration has started', () => {
    const migration = world.unstarted()
    const router = createRouter(migration, { unit: 'user' })
    expect(router.decide('1')).toEqual({ side: 'legacy', reason: 'phase', epoch: 0 })
  })

  it('answers legacy until the rollout was read', async () => {
    const { migration, router } = await canary()
    await router.setPercent(100, BY)
    const late = await world.join()
    world.breakStore(() => new Promise(() => {}))
    await tick(0)
    const other = createRouter(late.migration, { unit: 'user' })
    expect(other.decide('1')).toMatchObject({ side: 'legacy', reason: 'unread' })
    world.mendStore()
    await tick(5_000)
    expect(other.decide('1')).toMatchObject({ side: 'target', reason: 'percent' })
    expect(migration.snapshot.phase).toBe('canary')
  })
})

describe('a percentage', () => {
  it('set on the straight road to canary is in force when canary begins', async () => {
    const { migration, router } = await world.join()
    await walk(migration, 'dual-write')
    await router.setPercent(100, BY)
    await walk(migration, 'canary')
    expect(router.decide('1').side).toBe('target')
  })

  it('of an earlier canary is not in force when the migration comes back', async () => {
    const { migration, router } = await canary()
    await router.setPercent(100, BY)
    await walk(migration, 'shadow')
    await walk(migration, 'canary')
    expect(router.decide('1')).toMatchObject({ side: 'legacy', reason: 'percent' })
    expect(router.status().percent).toBe('0')
    await router.setPercent(100, BY)
    expect(router.decide('1').side).toBe('target')
  })

  it('of an abandoned attempt is not in force in the next', async () => {
    const { migration, router } = await world.join()
    await walk(migration, 'capture')
    await router.setPercent(100, BY)
    await walk(migration, 'off')
    await walk(migration, 'canary')
    expect(router.decide('1').side).toBe('legacy')
  })

  it('that cannot be meant is refused and nothing changes', async () => {
    const { router } = await canary()
    await router.setPercent(5, BY)
    await expect(router.setPercent('0.00000001', BY)).rejects.toThrow(InvalidOptionError)
    await expect(router.setPercent(101, BY)).rejects.toThrow(InvalidOptionError)
    await expect(router.setPercent(5, { actor: '', reason: 'x' })).rejects.toThrow(/actor/)
    expect(router.status()).toMatchObject({ percent: '5', epoch: 1 })
  })

  it('is audited with who, why, from and to', async () => {
    const { migration, router } = await canary()
    await router.setPercent('1', { actor: 'ann', reason: 'first step' })
    await router.setPercent('5.0', { actor: 'bob', reason: 'looks good' })
    expect(await migration.store.readAudit({ limit: 2 })).toMatchObject([
      { action: 'rollout', from: '1 %', to: '5 %', actor: 'bob', reason: 'looks good' },
      { action: 'rollout', from: '0 %', to: '1 %', actor: 'ann', reason: 'first step' },
    ])
  })
})

describe('the scope of a cohort', () => {
  it('cannot change while in canary, and a process with another one keeps to legacy', async () => {
    const { router } = await canary()
    await router.setPercent(100, BY)
    const odd = await world.join({ salt: 'another' })
    odd.router.decide('1')
    await tick(0)
    expect(odd.router.decide('1')).toMatchObject({ side: 'legacy', reason: 'conflict' })
    expect(odd.router.status().problem).toMatch(/salt/)
    await expect(odd.router.setPercent(5, BY)).rejects.toThrow(/salt/)
    expect(router.decide('1').side).toBe('target')
  })

  it('can change before canary', async () => {
    const { migration, router } = await world.join()
    await router.setPercent(1, BY)
    const odd = await world.join({ salt: 'another' })
    await odd.router.setPercent(100, BY)
    await Promise.all([walk(migration, 'canary'), tick(10_000)])
    expect(odd.router.decide('1').side).toBe('target')
  })

  it('is not taken from a document that this version cannot read', async () => {
    const { migration, router } = await canary()
    await migration.store.putDocument('rollout', { percent: '100', later: true })
    await tick(1_300)
    expect(router.decide('1')).toMatchObject({ side: 'legacy', reason: 'conflict' })
    await router.kill(BY)
    expect(router.decide('1').reason).toBe('killed')
  })
})

describe('kill', () => {
  it('is in force in this process before the store has heard of it', async () => {
    const { router } = await canary()
    await router.setPercent(100, BY)
    const killed = router.kill(BY)
    expect(router.decide('1').reason).toBe('killed')
    await killed
    expect(router.decide('1').reason).toBe('killed')
  })

  it('reaches every other process with its next look', async () => {
    const first = await canary()
    await first.router.setPercent(100, BY)
    const second = await world.join()
    second.router.decide('1')
    await tick(0)
    expect(second.router.decide('1').side).toBe('target')
    await first.router.kill(BY)
    await tick(1_300)
    expect(second.router.decide('1')).toMatchObject({ side: 'legacy', reason: 'killed' })
  })

  it('holds until somebody re-arms, and then begins at the first step', async () => {
    const { migration, router } = await canary({ steps: ['0.5', 10, 100] })
    await router.setPercent(100, BY)
    await router.kill({ actor: 'guard', reason: 'errors', evidence: { bad: 12 } })
    await expect(router.setPercent(1, BY)).rejects.toThrow(RolloutKilledError)
    await tick(3_600_000)
    expect(router.decide('1').reason).toBe('killed')
    expect(router.status().killed).toMatchObject({ actor: 'guard', reason: 'errors', evidence: { bad: 12 } })
    await router.rearm({ actor: 'ann', reason: 'fixed' })
    expect(router.status()).toMatchObject({ killed: null, percent: '0.5' })
    expect(cohort(router, keys).size).toBeLessThan(30)
    expect((await migration.store.readAudit({ limit: 2 })).map((entry) => [entry.from, entry.to])).toEqual([
      ['killed', '0.5 %'],
      ['100 %', 'killed'],
    ])
  })

  it('ends in the process that called it when another one re-arms', async () => {
    const first = await canary({ steps: [100] })
    const second = await world.join({ steps: [100] })
    await first.router.kill(BY)
    await second.router.rearm(BY)
    await tick(1_300)
    expect(first.router.decide('1')).toMatchObject({ side: 'target', reason: 'percent' })
  })

  it('leaves an earlier kill as it is', async () => {
    const { migration, router } = await canary()
    await router.kill({ actor: 'first', reason: 'a' })
    await router.kill({ actor: 'second', reason: 'b' })
    expect(router.status().killed?.actor).toBe('first')
    expect(migration.snapshot.phase).toBe('canary')
  })

  it('is repeated until the store takes it', async () => {
    const { router } = await canary()
    await router.setPercent(100, BY)
    world.breakStore(async (what) => {
      if (what === 'put rollout') throw new Error('gone')
    })
    let ended = false
    const killed = router.kill(BY).then(() => {
      ended = true
    })
    await tick(20_000)
    expect(ended).toBe(false)
    expect(router.decide('1').reason).toBe('killed')
    world.mendStore()
    await tick(6_000)
    await killed
    expect(router.status().killed).not.toBeNull()
  })

  it('keeps this process on legacy when its attempts are ended', async () => {
    const { router } = await canary()
    await router.setPercent(100, BY)
    world.breakStore(async () => {
      throw new Error('gone')
    })
    const end = new AbortController()
    const outcome = router.kill({ ...BY, signal: end.signal }).catch((error: unknown) => error)
    await tick(1_000)
    end.abort()
    expect(await outcome).toBeInstanceOf(Error)
    world.mendStore()
    await tick(5_000)
    expect(router.decide('1').reason).toBe('killed')
  })

  it('stands, whatever step races with it', async () => {
    const first = await canary()
    const second = await world.join()
    for (let race = 0; race < 200; race++) {
      // Every step of the store ends at a moment of its own, so that each order of the two comes up.
      world.breakStore(() => new Promise((resolve) => setTimeout(resolve, Math.random() * 10)))
      const step = second.router.setPercent(100, BY).catch((error: unknown) => error)
      const kill = first.router.kill(BY)
      await tick(1_000)
      await Promise.all([step, kill])
      world.mendStore()
      await Promise.all([first.router.setLists({ ...BY }), second.router.setLists({ ...BY })])
      expect(first.router.decide('1').reason).toBe('killed')
      expect(second.router.decide('1').reason).toBe('killed')
      await first.router.rearm(BY)
    }
  })
})

describe('a store that does not answer', () => {
  it('costs the canary its readers after a lease, and says so once', async () => {
    const { migration, router } = await canary()
    await router.setPercent(100, BY)
    const told: TwinspanEvent[] = []
    migration.events.on('rollout-stale', (event) => told.push(event))
    world.breakStore(() => new Promise(() => {}))
    await tick(8_000)
    expect(router.decide('1').side).toBe('target')
    await tick(6_000)
    expect(router.decide('1')).toMatchObject({ side: 'legacy', reason: 'stale' })
    expect(router.status().stale).toBe(true)
    await tick(60_000)
    expect(told).toEqual([{ type: 'rollout-stale', stale: true }])
  })

  it('is read again when it answers', async () => {
    const { migration, router } = await canary()
    await router.setPercent(100, BY)
    const told: TwinspanEvent[] = []
    migration.events.on('rollout-stale', (event) => told.push(event))
    world.breakStore(async () => {
      throw new Error('gone')
    })
    await tick(30_000)
    expect(router.decide('1').reason).toBe('stale')
    world.mendStore()
    await tick(1_300)
    expect(router.decide('1').side).toBe('target')
    expect(told.map((event) => event.type === 'rollout-stale' && event.stale)).toEqual([true, false])
  })

  it('is not asked any more after the migration has stopped', async () => {
    const { migration } = await canary()
    await migration.stop()
    let asked = 0
    world.breakStore(async () => {
      asked++
    })
    await tick(10_000)
    expect(asked).toBe(0)
  })
})

describe('createRouter', () => {
  it.each([
    [{ unit: '' }, 'unit'],
    [{ steps: [] }, 'steps'],
    [{ steps: [5, 1] }, 'steps'],
    [{ steps: [0, 1] }, 'steps'],
    [{ steps: ['x'] }, 'steps'],
    [{ allow: 'ann' }, 'allow'],
    [{ deny: [''] }, 'deny'],
    [{ leaseMs: -1 }, 'leaseMs'],
    [{ refreshMs: Number.NaN }, 'refreshMs'],
    [{ salt: 7 }, 'salt'],
    [{ tenants: ['acme'] }, 'tenants'],
    [{ tenantOf: 'acme' }, 'tenantOf'],
    [{ lastKnown: '' }, 'lastKnown'],
    [{ lastKnown: '/no/such/folder/rollout.json' }, 'lastKnown'],
  ])('refuses %j and names the option', (options, name) => {
    const migration = world.unstarted()
    expect(() => createRouter(migration, { unit: 'user', ...options } as never)).toThrow(new RegExp(`Option ${name} `))
  })
})
