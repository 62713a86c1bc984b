import { type BackfillOptions, backfill } from '@twinspan/backfill'
import { describe, expect, it } from 'vitest'
import { advanceTo, all, databases, join, members, type Process } from './world.ts'

interface Costs {
  /** What a read of legacy costs per row. */
  legacyMs: number
  /** What an insert costs per row. */
  targetMs: number
}

/** A process whose stores cost time on a clock that only they and its sleep move. */
async function timed(count: number, costs: Costs): Promise<Process & { slept: number[]; elapsed(): number }> {
  let now = 0
  const slept: number[] = []
  const process = await join(databases(), {
    migration: {
      now: () => now,
      leaseMs: 1e12,
      sleep: async (ms) => {
        slept.push(ms)
        now += ms
      },
    },
    legacy: (store) => ({
      ...store,
      scan: async (range) => {
        const rows = await store.scan(range)
        now += rows.length * costs.legacyMs
        return rows
      },
    }),
    target: (store) => ({
      ...store,
      insertMissing: async (rows, options) => {
        now += rows.length * costs.targetMs
        return store.insertMissing!(rows, options)
      },
    }),
  })
  await process.members.save(members(count))
  await advanceTo(process.migration, 'dual-write')
  await process.migration.stop()
  now = 0
  slept.length = 0
  return Object.assign(process, { slept, elapsed: () => now })
}

const run = (process: Process, options: BackfillOptions) => all(backfill(process.migration, process.entity, options))

describe('the size of a chunk', () => {
  it('grows and shrinks towards the time that a chunk should take', async () => {
    const costs = { legacyMs: 0, targetMs: 0.1 }
    const process = await timed(3_000, costs)
    const sizes: number[] = []
    for await (const { chunkRows, rows } of backfill(process.migration, process.entity, { chunkTargetMs: 20 })) {
      sizes.push(chunkRows)
      if (rows >= 1_500) costs.targetMs = 0.16
    }
    expect(sizes.slice(0, 5)).toEqual([500, 250, 200, 200, 200])
    expect(sizes.slice(-4, -1)).toEqual([125, 125, 125])
  })

  it('becomes at most four times as large from one chunk to the next, until one takes too long, and twice from then on', async () => {
    const costs = { legacyMs: 0, targetMs: 0.001 }
    const process = await timed(10_000, costs)
    const sizes: number[] = []
    for await (const { chunkRows } of backfill(process.migration, process.entity, { chunkTargetMs: 20 })) {
      sizes.push(chunkRows)
      costs.targetMs = sizes.length === 1 ? 0.02 : 0.001
    }
    expect(sizes.slice(0, 4)).toEqual([500, 2_000, 1_000, 2_000])
  })

  it('is not shrunk for a cost that smaller chunks would pay as well', async () => {
    const process = await timed(3_000, { legacyMs: 0, targetMs: 0 })
    const { insertMissing } = process.entity.target
    let chunks = 0
    process.entity.target.insertMissing = async (rows, options) => {
      chunks++
      await process.migration.sleep(1_000)
      return insertMissing!(rows, options)
    }
    await run(process, { chunkTargetMs: 20 })
    // 500, 250, 125, and then 100 at a time.
    expect(chunks).toBeLessThanOrEqual(26)
  })

  it('never exceeds maxChunkRows', async () => {
    const process = await timed(1_000, { legacyMs: 0, targetMs: 0 })
    const progress = await run(process, { maxChunkRows: 300 })
    expect(Math.max(...progress.map(({ chunkRows }) => chunkRows))).toBe(300)
  })
})

describe('maxLegacyLoad', () => {
  it.each([0.1, 0.2, 0.5])('keeps the reads of legacy below %d of the wall time', async (maxLegacyLoad) => {
    const process = await timed(1_000, { legacyMs: 1, targetMs: 0 })
    const progress = await run(process, { maxLegacyLoad, maxChunkRows: 100 })
    expect(1_000 / process.elapsed()).toBeCloseTo(maxLegacyLoad, 3)
    expect(progress[0]).toMatchObject({ throttledBy: 'legacy-load' })
  })

  it('costs nothing while the target takes most of the time', async () => {
    const process = await timed(1_000, { legacyMs: 0.1, targetMs: 1 })
    const progress = await run(process, { maxLegacyLoad: 0.2 })
    expect(process.slept).toEqual([])
    expect(progress.every((one) => one.throttledBy === null)).toBe(true)
  })

  it('makes the pace follow a legacy that slows down, within one chunk', async () => {
    const costs = { legacyMs: 1, targetMs: 0 }
    const process = await timed(1_000, costs)
    const rests: number[] = []
    for await (const { rows } of backfill(process.migration, process.entity, {
      maxLegacyLoad: 0.5,
      maxChunkRows: 100,
      chunkTargetMs: 1_000,
    })) {
      rests.push(process.slept.splice(0).reduce((sum, ms) => sum + ms, 0))
      if (rows === 500) costs.legacyMs = 4
    }
    expect(rests.slice(1, 8)).toEqual([100, 100, 100, 100, 100, 400, 400])
  })
})

describe('the estimate of the time left', () => {
  it('counts the rests', async () => {
    const process = await timed(1_000, { legacyMs: 1, targetMs: 0 })
    const progress = await run(process, { maxLegacyLoad: 0.25, maxChunkRows: 100 })
    expect(progress[0]?.etaMs).toBe(900)
    expect(progress[8]?.etaMs).toBeGreaterThan(300)
    expect(progress[8]?.etaMs).toBeLessThanOrEqual(400)
    expect(progress.at(-1)?.etaMs).toBe(0)
  })
})

describe('health', () => {
  it.each<[string, NonNullable<BackfillOptions['health']>]>([
    ['says no', () => false],
    [
      'throws',
      () => {
        throw new Error('no signal')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no signal'))],
    ['does not answer', () => new Promise(() => {})],
    ['says something else', () => 'yes' as never],
  ])('pauses the backfill while it %s', async (_, unhealthy) => {
    const process = await timed(10, { legacyMs: 0, targetMs: 0 })
    let looks = 0
    const health = (): boolean | Promise<boolean> => (++looks <= 3 ? unhealthy() : true)
    const progress = await run(process, { health, healthTimeoutMs: 5 })
    expect(progress.map(({ throttledBy, rows }) => [throttledBy, rows])).toEqual([
      ['health', 0],
      ['health', 0],
      ['health', 0],
      [null, 10],
    ])
  })

  it('is asked before every chunk', async () => {
    const process = await timed(10, { legacyMs: 0, targetMs: 0 })
    let looks = 0
    const progress = await run(process, { health: () => ++looks !== 3, maxChunkRows: 5 })
    expect(progress.map(({ throttledBy, rows }) => [throttledBy, rows])).toEqual([
      [null, 5],
      ['health', 5],
      [null, 10],
      [null, 10],
    ])
  })
})
