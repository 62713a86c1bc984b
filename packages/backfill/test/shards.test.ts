import { type BackfillProgress, backfill } from '@twinspan/backfill'
import {
  backfillDocument,
  InvalidOptionError,
  JobClaimedError,
  readBackfillDocument,
  readBackfillRecord,
  shardDocument,
} from '@twinspan/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  advanceTo,
  all,
  type Databases,
  databases,
  drain,
  expected,
  finish,
  join,
  member,
  members,
  type Process,
  type ProcessOptions,
  toUser,
} from './world.ts'

const CUT = { maxChunkRows: 3, shards: 4 }

interface Fleet {
  readonly shared: Databases
  readonly first: Process
  /** One more process of the service. */
  join(): Promise<Process>
}

async function fleet(count: number, options: ProcessOptions = {}): Promise<Fleet> {
  const shared = databases()
  const open = async (): Promise<Process> => {
    const process = await join(shared, options)
    onTestFinished(() => process.migration.stop())
    return process
  }
  const first = await open()
  await first.members.save(members(count))
  await advanceTo(first.migration, 'dual-write')
  return { shared, first, join: open }
}

async function boundsOf({ migration }: Process): Promise<readonly unknown[] | undefined> {
  return (await readBackfillDocument(migration.store, backfillDocument('users')))?.record.bounds
}

describe('a backfill in shards', () => {
  it('copies every row, and counts them together', async () => {
    const { first } = await fleet(20)
    const progress = await finish(first, CUT)
    expect(first.users.rows()).toEqual(expected(first))
    expect(progress.at(-1)).toMatchObject({ rows: 20, totalRows: 20, inserted: 20, done: true, shard: null, etaMs: 0 })
    expect(progress.map(({ rows }) => rows)).toEqual([3, 5, 8, 10, 13, 15, 18, 20, 20])
    expect(progress.map(({ shard }) => shard)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, null])
    expect(progress.filter(({ done }) => done)).toHaveLength(1)
  })

  it('is shared by workers on several machines, none of which copies what another does', async () => {
    const { first, join } = await fleet(100)
    const workers = [first, await join(), await join()]
    const reports = await Promise.all(workers.map((worker) => finish(worker, { ...CUT, shards: 6 })))
    expect(first.users.rows()).toEqual(expected(first))
    const copied = reports.map((report) => report.reduce((rows, { chunkRows }) => rows + chunkRows, 0))
    expect(copied.reduce((a, b) => a + b)).toBe(100)
    expect(copied.every((rows) => rows > 0)).toBe(true)
    for (const report of reports) expect(report.at(-1)).toMatchObject({ rows: 100, inserted: 100, done: true })
  })

  it('is done for the gates of the switch only when every shard is', async () => {
    const { first } = await fleet(20)
    for (const shard of [3, 0, 2]) await finish(first, { ...CUT, shard })
    const { record } = (await readBackfillRecord(first.migration.store, 'users')) ?? {}
    expect(record).toMatchObject({ rows: 15, inserted: 15, scanned: false, done: false })
    expect((await finish(first, { ...CUT, shard: 1 })).at(-1)).toMatchObject({ rows: 20, done: true })
    expect((await readBackfillRecord(first.migration.store, 'users'))?.record).toMatchObject({ rows: 20, done: true })
  })

  it('marks what only the target has, before the first bound, between the bounds and beyond the last', async () => {
    const { first } = await fleet(20)
    await first.members.remove([1, 5, 10, 11])
    await drain(first)
    await first.users.save([0, 1, 5, 10, 11, 99].map((id) => toUser(member(id))))
    expect((await finish(first, CUT)).at(-1)).toMatchObject({ marked: 6, done: true })
    await drain(first)
    expect(first.users.rows()).toEqual(expected(first))
  })

  it('goes on with the shards that were cut, however many are asked for', async () => {
    const { first } = await fleet(20)
    await finish(first, { ...CUT, shard: 0 })
    expect(await boundsOf(first)).toEqual([5, 10, 15])
    await finish(first, { maxChunkRows: 3, shards: 2, shard: 1 })
    expect((await readBackfillRecord(first.migration.store, 'users'))?.record).toMatchObject({ rows: 15 })
    const progress = await finish(first, { maxChunkRows: 3 })
    expect(progress.map(({ shard }) => shard)).toEqual([2, 2, null])
    expect(progress.at(-1)).toMatchObject({ rows: 20, done: true })
  })

  it('cuts what a single worker has left over', async () => {
    const { first } = await fleet(20)
    const single = backfill(first.migration, first.entity, { maxChunkRows: 8 })
    await single.next()
    await single.return?.()
    const progress = await finish(first, CUT)
    expect(progress[0]).toMatchObject({ shard: 0, rows: 11 })
    expect(progress.at(-1)).toMatchObject({ rows: 20, inserted: 20, done: true })
    expect(first.users.rows()).toEqual(expected(first))
  })

  it.each<[string, ProcessOptions]>([
    ['neither counts nor jumps', { legacy: ({ keyAt: _keyAt, count: _count, ...members }) => members }],
    [
      'counts far too few rows',
      { legacy: (members) => ({ ...members, count: async () => ({ rows: 2, exact: false }) }) },
    ],
  ])('cuts the keys of a store that %s into parts of one size', async (_, options) => {
    const { first } = await fleet(20, options)
    await finish(first, { ...CUT, shard: 0 })
    expect(await boundsOf(first)).toEqual([5, 10, 15])
  })

  it('needs no more shards than there are rows', async () => {
    const { first } = await fleet(2)
    expect((await finish(first, { shards: 100 })).at(-1)).toMatchObject({ rows: 2, done: true })
    const empty = await fleet(0)
    expect((await finish(empty.first, { shards: 100 })).at(-1)).toMatchObject({ rows: 0, done: true })
  })

  it('checks every key once more where one shard found that the sides order keys differently', async () => {
    const { first } = await fleet(20, {
      target: (users) => ({
        ...users,
        scanKeys: async (range) => (range.after === undefined ? users.scanKeys!(range) : []),
      }),
    })
    const last = (await finish(first, CUT)).at(-1)
    expect(last).toMatchObject({ done: true })
    expect((await readBackfillRecord(first.migration.store, 'users'))?.record).toMatchObject({ thorough: true })
  })

  it('stays within one error budget', async () => {
    const { first } = await fleet(20, {
      toTarget: (row) => {
        if (row.id % 5 === 0) throw new Error('no')
        return toUser(row)
      },
    })
    await expect(finish(first, { ...CUT, errorBudget: 3 })).rejects.toMatchObject({ failed: 4 })
    await expect(finish(first, { ...CUT, errorBudget: 4 })).resolves.toBeDefined()
  })

  it.each([
    { shards: 0 },
    { shards: 1.5 },
    { shard: 1 },
    { shards: 2, shard: 2 },
    { shards: 2, shard: 0, restart: true },
  ])('refuses %o', async (options) => {
    const { first } = await fleet(1)
    expect(() => backfill(first.migration, first.entity, options)).toThrow(InvalidOptionError)
  })
})

describe('shards and workers that are alive', () => {
  it('gives a shard to one of them at a time', async () => {
    const { first, join } = await fleet(20)
    const holder = backfill(first.migration, first.entity, { ...CUT, shard: 0 })
    await holder.next()
    const other = await join()
    await expect(finish(other, { ...CUT, shard: 0 })).rejects.toThrow(JobClaimedError)
    await finish(other, { ...CUT, shard: 2 })
    expect((await all(holder)).at(-1)).toMatchObject({ rows: 5 })
  })

  it('lets a worker wait for the shards of the others, and take over those of the dead', async () => {
    let now = 0
    const shared = databases()
    Object.assign(shared.target, { now: () => now })
    const open = async (sleep?: () => Promise<void>): Promise<Process> => {
      const process = await join(shared, { migration: { now: () => now, ...(sleep && { sleep }) } })
      onTestFinished(() => process.migration.stop())
      return process
    }
    const first = await open()
    await first.members.save(members(20))
    await advanceTo(first.migration, 'dual-write')
    const dies = backfill(first.migration, first.entity, { ...CUT, claimMs: 15_000 })
    await dies.next()
    const heir = await open()
    const seen: BackfillProgress[] = []
    for await (const progress of backfill(heir.migration, heir.entity, { ...CUT, claimMs: 15_000 })) {
      seen.push(progress)
      if (progress.throttledBy === 'claim') now += 8_000
      await heir.migration.refresh()
    }
    expect(seen.map(({ shard, throttledBy }) => throttledBy ?? shard)).toEqual([
      1,
      1,
      2,
      2,
      3,
      3,
      'claim',
      'claim',
      0,
      null,
    ])
    expect(seen.at(-1)).toMatchObject({ rows: 20, done: true })
    expect(heir.users.rows()).toEqual(expected(heir))
  })

  it('is not begun anew while somebody has a shard, and counts for nothing after it was', async () => {
    const { first, join } = await fleet(20)
    const holder = backfill(first.migration, first.entity, CUT)
    await holder.next()
    const other = await join()
    await expect(finish(other, { ...CUT, restart: true })).rejects.toThrow(JobClaimedError)
    await holder.return?.()
    const progress = await finish(other, { ...CUT, restart: true })
    expect(progress[0]).toMatchObject({ shard: 0, rows: 3 })
    expect(progress.at(-1)).toMatchObject({ rows: 20, done: true })
  })

  it('does not begin beside a worker that copies without shards', async () => {
    const { first, join } = await fleet(20)
    const single = backfill(first.migration, first.entity, { maxChunkRows: 3 })
    await single.next()
    await expect(finish(await join(), { ...CUT, patienceMs: 1_000 })).rejects.toThrow(JobClaimedError)
    expect((await all(single)).at(-1)).toMatchObject({ rows: 20, done: true })
  })

  it('begins no insert behind those who had the shard meanwhile', async () => {
    let now = 0
    let inserts = 0
    let freeze = async (): Promise<void> => {}
    const shared = databases()
    Object.assign(shared.target, { now: () => now })
    const frozen = await join(shared, {
      migration: { now: () => now },
      legacy: (members) => ({
        ...members,
        scan: async (range) => {
          const rows = await members.scan(range)
          await freeze()
          return rows
        },
      }),
      target: (users) => ({
        ...users,
        insertMissing: (rows, options) => {
          inserts += 1
          return users.insertMissing!(rows, options)
        },
      }),
    })
    onTestFinished(() => frozen.migration.stop())
    await frozen.members.save(members(4))
    await advanceTo(frozen.migration, 'dual-write')
    const heir = await join(shared, { migration: { now: () => now } })
    onTestFinished(() => heir.migration.stop())
    freeze = async () => {
      freeze = async () => {}
      now += 60_000
      await heir.migration.refresh()
      // The heir ends before the sleeper wakes up, and holds no claim any more.
      await finish(heir, { shards: 2 })
      await frozen.migration.refresh()
    }
    expect((await finish(frozen, { shards: 2 })).at(-1)).toMatchObject({ done: true })
    expect(inserts).toBe(0)
    expect((await readBackfillDocument(heir.migration.store, shardDocument('users', 0)))?.record).toMatchObject({
      rows: 2,
    })
  })
})
