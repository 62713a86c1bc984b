import type { EventOf, SideName, TwinspanEvent } from '@twinspan/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type GuardRouterOptions, guardRouter, type RouterGuard, readBlastRadius } from '../src/index.ts'
import { seeded } from './simulate.ts'
import { BY, createWorld, type Process, walk } from './world.ts'

const tick = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

let world: ReturnType<typeof createWorld>
beforeEach(() => {
  vi.useFakeTimers()
  world = createWorld()
})
afterEach(async () => {
  await Promise.all([world.end(), tick(40_000)])
  vi.useRealTimers()
})

interface Guarded extends Process {
  readonly guard: RouterGuard
}

/** So many processes of one service, in canary at 50 %. */
async function service(count: number, options?: GuardRouterOptions): Promise<readonly Guarded[]> {
  const guarded: Guarded[] = []
  for (let n = 0; n < count; n++) {
    const process = await world.join()
    guarded.push({ ...process, guard: guardRouter(process.migration, process.router, options) })
  }
  await Promise.all([walk(guarded[0]!.migration, 'canary'), tick(30_000)])
  await guarded[0]!.router.setPercent(50, BY)
  await tick(3_000)
  return guarded
}

function read({ migration }: Process, side: SideName, ok: boolean, unit: string): void {
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

/** A second of reads: everybody's first choice, and legacy's where target fails. */
async function second(
  processes: readonly Process[],
  rps: number,
  fails: (process: number, unit: string) => boolean,
  units: () => string,
): Promise<void> {
  for (const [index, process] of processes.entries()) {
    for (let n = 0; n < rps; n++) {
      const unit = units()
      const { side } = process.router.decide(unit)
      const ok = side === 'legacy' || !fails(index, unit)
      read(process, side, ok, unit)
      if (!ok) read(process, 'legacy', true, unit)
    }
  }
  await tick(1_000)
}

function anyone(seed: number): () => string {
  const random = seeded(seed)
  return () => `user-${Math.floor(random() * 1_000_000)}`
}

const isKilled = ({ router }: Process): boolean => router.status().killed !== null

describe('the evidence of all processes', () => {
  it('kills what none of them could have known alone', async () => {
    const processes = await service(8)
    const random = seeded(3)
    const units = anyone(4)
    let kills = 0
    for (const { migration } of processes) migration.events.on('breaker', () => kills++)
    let seconds = 0
    while (seconds < 300 && !isKilled(processes[0]!)) {
      await second(processes, 4, () => random() < 0.05, units)
      seconds++
    }
    await tick(1_500)
    expect(seconds).toBeLessThan(90)
    expect(kills).toBe(0)
    expect(processes.every(isKilled)).toBe(true)
    expect(processes.filter(({ guard }) => guard.status().leads)).toHaveLength(1)
  })

  it('does not count one unit in each process that it tries', async () => {
    const processes = await service(10, { settleMs: 0 })
    const units = anyone(5)
    const inside = Array.from({ length: 200 }, (_, n) => `retry-${n}`).filter(
      (unit) => processes[0]!.router.decide(unit).side === 'target',
    )
    const storm = inside.slice(0, 5)
    for (let seconds = 0; seconds < 120; seconds++) {
      for (const process of processes) {
        for (const unit of storm) {
          read(process, 'target', false, unit)
          read(process, 'legacy', true, unit)
        }
      }
      await second(processes, 4, () => false, units)
    }
    expect(isKilled(processes[0]!)).toBe(false)
  })

  it('kills in the next process that judges when the first is gone', async () => {
    const processes = await service(3)
    const units = anyone(6)
    for (let seconds = 0; seconds < 5; seconds++) await second(processes, 4, () => false, units)
    const first = processes.find(({ guard }) => guard.status().leads)!
    const rest = processes.filter((process) => process !== first)
    await Promise.all([first.guard.stop(), tick(1_000)])
    let seconds = 0
    while (seconds < 60 && !isKilled(rest[0]!)) {
      await second(rest, 4, () => seconds > 8, units)
      seconds++
    }
    expect(rest.filter(({ guard }) => guard.status().leads)).toHaveLength(1)
    expect(rest.every(isKilled)).toBe(true)
  })

  it('is not forgotten by the process that judges when the store was away for a while', async () => {
    const processes = await service(2, { settleMs: 0, errorFloor: 1e-9 })
    const units = anyone(12)
    for (let seconds = 0; seconds < 5; seconds++) await second(processes, 4, () => false, units)
    const strength = (): number =>
      processes.map(({ guard }) => guard.status().all?.evidence.strength ?? 0).reduce((a, b) => Math.max(a, b))
    let failures = 3
    await second(processes, 20, () => failures-- > 0, units)
    await tick(1_000)
    const before = strength()
    expect(before).toBeGreaterThan(0.5)
    world.breakStore(() => Promise.reject(new Error('gone')))
    await tick(8_000)
    expect(processes.some(({ guard }) => guard.status().leads)).toBe(false)
    world.mendStore()
    await tick(3_000)
    expect(strength()).toBeCloseTo(before, 5)
  })

  it('holds when nobody reads, and promotes nothing', async () => {
    const processes = await service(2)
    const units = anyone(7)
    await second(processes, 4, () => false, units)
    await tick(120_000)
    const [all] = processes.map(({ guard }) => guard.status().all).filter((one) => one !== undefined)
    expect(all).toMatchObject({ verdict: 'hold', evidence: { why: 'no-target-outcomes' } })
  })
})

describe('a process whose own reads of target fail', () => {
  it('leaves target alone for a while, alone and for longer each time', async () => {
    const processes = await service(10, { pauseMs: 10_000, errorFloor: 0.05, errorCeiling: 0.5 })
    const units = anyone(8)
    const told: TwinspanEvent[] = []
    processes[0]!.migration.events.on('breaker', (event) => told.push(event))
    const pauses: number[] = []
    let pausedFor = 0
    for (let seconds = 0; seconds < 120; seconds++) {
      await second(processes, 6, (process) => process === 0 && seconds > 70, units)
      const isPaused = processes[0]!.router.status().paused
      if (isPaused) pausedFor++
      else if (pausedFor > 0) {
        pauses.push(pausedFor)
        pausedFor = 0
      }
      expect(processes.slice(1).some(({ router }) => router.status().paused)).toBe(false)
      if (isKilled(processes[0]!)) break
    }
    expect(told[0]).toEqual({ type: 'breaker', open: true })
    expect(pauses[0]).toBeGreaterThanOrEqual(9)
    expect(pauses[1] ?? pausedFor).toBeGreaterThan(pauses[0]!)
  })

  it('is not paused any more once the rollout was killed and re-armed', async () => {
    const [process] = await service(1, { settleMs: 0 })
    const units = anyone(9)
    for (let seconds = 0; seconds < 30 && !isKilled(process!); seconds++) {
      await second([process!], 20, () => seconds > 5, units)
    }
    expect(isKilled(process!)).toBe(true)
    await process!.router.rearm(BY)
    expect(process!.router.status()).toMatchObject({ paused: false, killed: null })
  })

  it('judges for itself while the store hangs', async () => {
    const [process] = await service(1, { settleMs: 0 })
    const units = anyone(10)
    for (let seconds = 0; seconds < 5; seconds++) await second([process!], 20, () => false, units)
    world.breakStore(() => new Promise(() => {}))
    for (let seconds = 0; seconds < 6; seconds++) await second([process!], 20, () => true, units)
    expect(process!.router.decide('any').reason).toBe('paused')
  })
})

describe('a class without tolerance', () => {
  it('kills at its first mismatch', async () => {
    const [process] = await service(1, { zeroTolerance: ['things.find'] })
    process!.migration.events.emit({ type: 'shadow-read', entity: 'things', operation: 'find', outcome: 'mismatch' })
    await tick(1_100)
    expect(process!.router.status().killed?.evidence).toMatchObject({ signal: 'integrity', why: 'intolerable' })
  })
})

describe('the blast radius of a kill', () => {
  it('says whom target was shown to, in all processes, and is written once', async () => {
    const processes = await service(3, { handOver: { entity: 'things' } })
    const told: TwinspanEvent[] = []
    for (const { migration } of processes) migration.events.on('blast-radius', (event) => told.push(event))
    let operations = 0
    const seen = new Set<string>()
    for (let n = 0; n < 300; n++) {
      const process = processes[n % 3]!
      const unit = `user-${n % 200}`
      if (process.router.decide(unit).side === 'legacy') continue
      read(process, 'target', true, unit)
      operations++
      seen.add(unit)
    }
    const mismatch: EventOf<'shadow-read'> = {
      type: 'shadow-read',
      entity: 'things',
      operation: 'find',
      outcome: 'mismatch',
      unit: '17',
    }
    processes[0]!.migration.events.emit(mismatch)
    processes[1]!.migration.events.emit({ ...mismatch, unit: '18' })
    await tick(1_100)
    await processes[0]!.router.kill({ actor: 'ann', reason: 'odd' })
    await tick(10_000)
    const { migration } = processes[0]!
    const report = await readBlastRadius(migration)
    expect(report).toMatchObject({ actor: 'ann', reason: 'odd', operations, mismatches: 2, handedOver: 2 })
    expect(Math.abs(report!.units - seen.size) / seen.size).toBeLessThan(0.05)
    expect(await migration.sides.legacy.journal.dirty('things', ['17', '18', '19'])).toEqual(new Set(['17', '18']))
    expect(told).toHaveLength(1)
    const audit = await migration.store.readAudit()
    expect(audit.filter(({ action }) => action === 'blast-radius')).toHaveLength(1)
    expect(JSON.stringify(audit)).not.toContain('user-')
    await processes[0]!.router.rearm(BY)
    await tick(10_000)
    await processes[0]!.router.kill(BY)
    await tick(10_000)
    expect(await readBlastRadius(migration)).toMatchObject({ units: 0, operations: 0, mismatches: 0 })
  })
})
