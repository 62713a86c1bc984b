import { type BackfillProgress, backfill, backfillControl } from '@twinspan/backfill'
import { backfillDocument, InvalidOptionError } from '@twinspan/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { advanceTo, all, databases, expected, finish, join, members, type Process } from './world.ts'

/** Two processes: one works, the other steers. */
async function pair(count: number): Promise<readonly [Process, Process]> {
  const shared = databases()
  const worker = await join(shared)
  await worker.members.save(members(count))
  await advanceTo(worker.migration, 'dual-write')
  const desk = await join(shared)
  onTestFinished(async () => {
    await worker.migration.stop()
    await desk.migration.stop()
  })
  return [worker, desk]
}

const controlOf = ({ migration, entity }: Process) => backfillControl(migration, entity)

describe.each([
  { maxChunkRows: 2, maxLegacyLoad: 1 },
  { maxChunkRows: 2, maxLegacyLoad: 1, shards: 2 },
])('a backfill with %o', (options) => {
  it('waits while it is paused, and goes on', async () => {
    const [worker, desk] = await pair(8)
    const seen: BackfillProgress[] = []
    for await (const progress of backfill(worker.migration, worker.entity, options)) {
      seen.push(progress)
      if (seen.length === 1) await controlOf(desk).pause()
      if (seen.length === 4) await controlOf(desk).resume()
    }
    expect(seen.slice(0, 5).map(({ throttledBy, rows }) => [throttledBy, rows])).toEqual([
      [null, 2],
      ['paused', 2],
      ['paused', 2],
      ['paused', 2],
      [null, 4],
    ])
    expect(seen.at(-1)).toMatchObject({ rows: 8, done: true })
  })

  it('ends when it is cancelled, and does not begin before it is resumed', async () => {
    const [worker, desk] = await pair(8)
    const seen: BackfillProgress[] = []
    for await (const progress of backfill(worker.migration, worker.entity, options)) {
      seen.push(progress)
      await controlOf(desk).cancel()
    }
    expect(seen.map(({ rows, done }) => [rows, done])).toEqual([[2, false]])
    expect(await finish(worker, options)).toEqual([])
    await controlOf(desk).resume()
    expect((await finish(worker, options)).at(-1)).toMatchObject({ rows: 8, done: true })
    expect(worker.users.rows()).toEqual(expected(worker))
  })
})

describe('the control of a backfill', () => {
  it('changes the pace from the next chunk on, and gives it back', async () => {
    const [worker, desk] = await pair(20)
    const rows: number[] = []
    for await (const { chunkRows } of backfill(worker.migration, worker.entity, { maxChunkRows: 5 })) {
      rows.push(chunkRows)
      if (rows.length === 1) await controlOf(desk).configure({ maxChunkRows: 1 })
      if (rows.length === 3) await controlOf(desk).configure({ maxChunkRows: undefined })
    }
    expect(rows.slice(0, 3)).toEqual([5, 1, 1])
    expect(rows.slice(3).some((count) => count > 1)).toBe(true)
    expect(await controlOf(worker).read()).toEqual({ order: 'go', options: {} })
  })

  it('keeps what two desks order at the same time', async () => {
    const [worker, desk] = await pair(1)
    await Promise.all([
      controlOf(worker).configure({ maxChunkRows: 7 }),
      controlOf(desk).configure({ chunkTargetMs: 9 }),
      controlOf(desk).pause(),
    ])
    expect(await controlOf(worker).read()).toEqual({ order: 'pause', options: { maxChunkRows: 7, chunkTargetMs: 9 } })
  })

  it('keeps the claim while a worker is paused', async () => {
    const [worker, desk] = await pair(8)
    const work = backfill(worker.migration, worker.entity, { maxChunkRows: 2 })
    await work.next()
    await controlOf(desk).pause()
    await work.next()
    expect(await desk.migration.store.claim(backfillDocument('users'), 'somebody', 1)).toBeUndefined()
    await controlOf(desk).resume()
    expect((await all(work)).at(-1)).toMatchObject({ done: true })
  })

  it('refuses what no worker would take', async () => {
    const [worker] = await pair(1)
    await expect(controlOf(worker).configure({ maxLegacyLoad: 2 })).rejects.toThrow(InvalidOptionError)
    expect(await controlOf(worker).read()).toEqual({ order: 'go', options: {} })
  })
})
