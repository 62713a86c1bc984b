import type { EventOf } from '@twinspan/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRamp, guardRouter, judgeStep, type Ramp, type RampOptions, type StepFacts } from '../src/index.ts'
import { BY, createWorld, type Process, walk } from './world.ts'

const tick = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

const needs = { minTimeMs: 60_000, minUnits: 20, minOperations: 200, maxLagMs: 5_000 }
const shown: StepFacts = {
  percent: '5',
  steps: ['1', '5', '10', '100'],
  isOpen: true,
  sinceMs: 60_000,
  units: 20,
  operations: 200,
  lagMs: 5_000,
  verdict: 'ok',
}

describe('judgeStep', () => {
  it('goes on to the next step when everything is shown', () => {
    expect(judgeStep(shown, needs)).toEqual({ verdict: 'advance', to: '10' })
    expect(judgeStep({ ...shown, percent: '7.5' }, needs)).toEqual({ verdict: 'advance', to: '10' })
  })

  it.each([
    ['not-open', { isOpen: false }],
    ['not-begun', { percent: '0' }],
    ['guard', { verdict: 'hold' }],
    ['guard', { verdict: 'kill' }],
    ['guard', { verdict: undefined }],
    ['time', { sinceMs: 59_999 }],
    ['units', { units: 19 }],
    ['operations', { operations: 199 }],
    ['lag', { lagMs: 5_001 }],
    ['lag', { lagMs: null }],
  ] as const)('holds for %s with %j', (reason, facts) => {
    expect(judgeStep({ ...shown, ...facts }, needs)).toEqual({ verdict: 'hold', reasons: [reason] })
  })

  it('is done at the last step', () => {
    expect(judgeStep({ ...shown, percent: '100', sinceMs: 0 }, needs)).toEqual({ verdict: 'done' })
    expect(judgeStep({ ...shown, percent: '100', isOpen: false }, needs).verdict).toBe('hold')
  })
})

describe('a ramp', () => {
  let world: ReturnType<typeof createWorld>
  beforeEach(() => {
    vi.useFakeTimers()
    world = createWorld()
  })
  afterEach(async () => {
    await Promise.all([world.end(), tick(40_000)])
    vi.useRealTimers()
  })

  async function ramping(options: RampOptions = {}): Promise<Process & { readonly ramp: Ramp }> {
    const process = await world.join()
    const { migration, router } = process
    const guard = guardRouter(migration, router, { settleMs: 10_000 })
    await Promise.all([walk(migration, 'canary'), tick(20_000)])
    const ramp = createRamp(migration, router, guard, { ...needs, ...options })
    ramp.start()
    return { ...process, ramp }
  }

  async function serve({ migration, router }: Process, seconds: number, rps = 200, failing = false): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      for (let n = 0; n < rps; n++) {
        const unit = `user-${(second * 7_919 + n * 31) % 50_000}`
        const { side } = router.decide(unit)
        const ok = side === 'legacy' || !failing
        const event: EventOf<'read-outcome'> = {
          type: 'read-outcome',
          entity: 'things',
          operation: 'find',
          side,
          ok,
          unit,
          durationMs: 1,
        }
        migration.events.emit(event)
      }
      await tick(1_000)
    }
  }

  it('goes up by itself, a step at a time, with what each has shown in the audit trail', async () => {
    const process = await ramping()
    await process.router.setPercent(1, BY)
    const percents = new Set<string>()
    for (let minute = 0; minute < 20; minute++) {
      await serve(process, 30)
      percents.add(process.router.status().percent)
    }
    expect([...percents]).toEqual(['1', '5', '10', '25', '50', '100'])
    expect(process.ramp.status()).toEqual({ verdict: 'done' })
    const steps = (await process.migration.store.readAudit()).filter(({ actor }) => actor === 'ramp')
    expect(steps.map(({ from, to }) => `${from} ${to}`)).toContain('5 % 10 %')
    expect(steps[0]?.evidence).toMatchObject({ units: expect.any(Number), operations: expect.any(Number) })
    expect(steps).toHaveLength(5)
  })

  it('waits for somebody to want the first step', async () => {
    const process = await ramping()
    await serve(process, 120)
    expect(process.router.status().percent).toBe('0')
    expect(process.ramp.status()).toMatchObject({ verdict: 'hold', reasons: expect.arrayContaining(['not-begun']) })
  })

  it('holds where there is too little to see', async () => {
    const process = await ramping()
    await process.router.setPercent(1, BY)
    await serve(process, 300, 5)
    expect(process.router.status().percent).toBe('1')
    expect(process.ramp.status()).toMatchObject({ reasons: expect.arrayContaining(['units', 'operations']) })
  })

  it('holds while keys are waiting in the journal for too long, or are parked', async () => {
    const process = await ramping()
    await process.router.setPercent(1, BY)
    const { journal } = process.migration.sides.legacy
    await journal.mark([{ entity: 'things', key: '1' }])
    await serve(process, 120)
    expect(process.ramp.status()).toEqual({ verdict: 'hold', reasons: ['lag'] })
    const [row] = await journal.read({ limit: 1 })
    await journal.park([row!.id], { error: 'poisoned' })
    await serve(process, 10)
    expect(process.ramp.status()).toEqual({ verdict: 'hold', reasons: ['lag'] })
    await journal.remove([row!.id])
    await serve(process, 10)
    expect(process.router.status().percent).toBe('5')
  })

  it('stays where a kill has put it, and begins again at the first step', async () => {
    const process = await ramping()
    await process.router.setPercent(25, BY)
    await serve(process, 30)
    await serve(process, 20, 200, true)
    expect(process.router.status().killed?.actor).toBe('guard')
    await serve(process, 120)
    expect(process.router.status().killed).not.toBeNull()
    await process.router.rearm(BY)
    expect(process.router.status().percent).toBe('1')
    await serve(process, 150)
    expect(process.router.status().percent).toBe('5')
  })

  it.each([
    [{ minTimeMs: -1 }, 'minTimeMs'],
    [{ minUnits: Number.NaN }, 'minUnits'],
    [{ everyMs: 0 }, 'everyMs'],
    [{ actor: '' }, 'actor'],
  ])('refuses %j and names the option', async (options, name) => {
    const { migration, router } = await world.join()
    const guard = guardRouter(migration, router)
    expect(() => createRamp(migration, router, guard, options)).toThrow(`Option ${name} `)
  })
})
