import type { EventOf, SideName } from '@twinspan/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type GuardRouterOptions, guardRouter, type Router } from '../src/index.ts'
import { seeded } from './simulate.ts'
import { BY, createWorld, type Process, walk } from './world.ts'

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

interface Service {
  readonly process: Process
  /** Reads `rps` units a second, each by whom the router names and by legacy when target fails. */
  serve(seconds: number, options: { readonly rps: number; readonly targetErrors: number }): Promise<number | undefined>
}

async function service(options?: GuardRouterOptions): Promise<Service> {
  const process = await world.join()
  const { migration, router } = process
  await walk(migration, 'canary')
  await tick(0)
  guardRouter(migration, router, options)
  const random = seeded(42)
  const outcome = (side: SideName, ok: boolean, unit: string): void => {
    const event: EventOf<'read-outcome'> = {
      type: 'read-outcome',
      entity: 'users',
      operation: 'find',
      side,
      ok,
      unit,
      durationMs: 1 + random(),
    }
    migration.events.emit(event)
  }
  let units = 0
  return {
    process,
    async serve(seconds, { rps, targetErrors }) {
      for (let second = 1; second <= seconds; second++) {
        for (let read = 0; read < rps; read++) {
          units = (units * 31 + 7) % 100_003
          const unit = `user-${units}`
          const { side } = router.decide(unit)
          const ok = side === 'legacy' || random() >= targetErrors
          outcome(side, ok, unit)
          if (!ok) outcome('legacy', true, unit)
          await tick(1_000 / rps)
        }
        if (isKilled(router)) return second
      }
      return undefined
    },
  }
}

function isKilled(router: Router): boolean {
  return router.status().killed !== null
}

describe('guardRouter', () => {
  it.each([10, 25, 50, 100])('kills in seconds at %d %% when target fails three reads of ten', async (percent) => {
    const { process, serve } = await service()
    await process.router.setPercent(percent, BY)
    expect(await serve(30, { rps: 40, targetErrors: 0 })).toBeUndefined()
    const seconds = await serve(60, { rps: 40, targetErrors: 0.3 })
    expect(seconds).toBeLessThanOrEqual(15)
    expect(process.router.decide('1').reason).toBe('killed')
  })

  it('leaves a healthy canary alone', async () => {
    const { process, serve } = await service()
    await process.router.setPercent(25, BY)
    expect(await serve(300, { rps: 40, targetErrors: 0 })).toBeUndefined()
  })

  it("gives its evidence to the latch and to the audit trail, and nobody's key", async () => {
    const { process, serve } = await service({ actor: 'canary-guard' })
    await process.router.setPercent(25, BY)
    await serve(60, { rps: 40, targetErrors: 0.5 })
    const { killed } = process.router.status()
    expect(killed).toMatchObject({ actor: 'canary-guard', evidence: { signal: 'errors', why: 'worse' } })
    expect(killed?.reason).toMatch(/^errors: \d+ of \d+ bad on target, 0 of \d+ on legacy, within \d+ s$/)
    const [entry] = await process.migration.store.readAudit({ limit: 1 })
    expect(entry).toMatchObject({
      action: 'rollout',
      to: 'killed',
      actor: 'canary-guard',
      evidence: { signal: 'errors' },
    })
    expect(JSON.stringify(entry)).not.toContain('user-')
  })

  it('stays out of the way once it was re-armed and target is well', async () => {
    const { process, serve } = await service()
    await process.router.setPercent(50, BY)
    await serve(60, { rps: 40, targetErrors: 0.5 })
    expect(isKilled(process.router)).toBe(true)
    await process.router.rearm(BY)
    await process.router.setPercent(50, BY)
    expect(await serve(120, { rps: 40, targetErrors: 0 })).toBeUndefined()
    expect(await serve(60, { rps: 40, targetErrors: 0.5 })).toBeLessThanOrEqual(15)
  })

  it('kills once although the store takes its time', async () => {
    const { process, serve } = await service()
    await process.router.setPercent(50, BY)
    let kills = 0
    process.migration.events.on('kill', () => kills++)
    world.breakStore((what) => (what === 'put rollout' ? Promise.reject(new Error('gone')) : Promise.resolve()))
    await serve(60, { rps: 40, targetErrors: 0.5 })
    expect(process.router.decide('1').reason).toBe('killed')
    world.mendStore()
    await tick(6_000)
    expect(isKilled(process.router)).toBe(true)
    expect(kills).toBe(1)
  })

  it('kills when shadow reads differ', async () => {
    const { process } = await service()
    const { migration, router } = process
    await router.setPercent(1, BY)
    for (let second = 0; second < 20; second++) {
      for (let read = 0; read < 10; read++) {
        migration.events.emit({
          type: 'shadow-read',
          entity: 'users',
          operation: 'find',
          outcome: read === 0 ? 'mismatch' : 'match',
        })
      }
      await tick(1_000)
    }
    expect(router.status().killed?.reason).toMatch(/^integrity: \d+ of \d+ bad on target, within/)
  })

  it('does not hold the mismatches before a re-arm against what came after it', async () => {
    const { process } = await service()
    const { migration, router } = process
    const compare = async (outcome: 'match' | 'mismatch'): Promise<void> => {
      for (let second = 0; second < 20; second++) {
        migration.events.emit({ type: 'shadow-read', entity: 'users', operation: 'find', outcome })
        await tick(1_000)
      }
    }
    await compare('mismatch')
    expect(isKilled(router)).toBe(true)
    await router.rearm(BY)
    await compare('match')
    expect(isKilled(router)).toBe(false)
  })

  it('only says what it would have done in shadow', async () => {
    const { migration, router } = await world.join()
    await walk(migration, 'shadow')
    const guard = guardRouter(migration, router)
    const verdicts = new Set<string | undefined>()
    for (let second = 0; second < 20; second++) {
      migration.events.emit({ type: 'shadow-read', entity: 'users', operation: 'find', outcome: 'mismatch' })
      await tick(1_000)
      verdicts.add(guard.status().all?.verdict)
    }
    expect(verdicts).toContain('kill')
    expect(isKilled(router)).toBe(false)
  })

  it('kills in canary although the first outcome came from a request that was pinned to shadow', async () => {
    const { migration, router } = await world.join()
    await walk(migration, 'shadow')
    guardRouter(migration, router)
    migration.run(() => {
      migration.events.emit({ type: 'shadow-read', entity: 'users', operation: 'find', outcome: 'match' })
    })
    await walk(migration, 'canary')
    for (let second = 0; second < 20; second++) {
      migration.events.emit({ type: 'shadow-read', entity: 'users', operation: 'find', outcome: 'mismatch' })
      await tick(1_000)
    }
    expect(isKilled(router)).toBe(true)
  })

  it.each([
    [{ oncePerMs: -1 }, 'oncePerMs'],
    [{ latency: { tolerance: 0.5 } }, 'latency.tolerance'],
    [{ latency: { slackMs: -1 } }, 'latency.slackMs'],
    [{ settleMs: Number.NaN }, 'settleMs'],
  ])('refuses %j and names the option', async (options, name) => {
    const { migration, router } = await world.join()
    expect(() => guardRouter(migration, router, options)).toThrow(`Option ${name} `)
  })
})
