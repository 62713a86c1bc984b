import {
  InvalidOptionError,
  JobClaimedError,
  nextSweep,
  readSweepLayout,
  readSweepRecord,
  readSweepShards,
  type SweepRecord,
  sweepShardDocument,
} from '@twinspan/core'
import { type Finding, reconcile, type SweepShardsOptions } from '@twinspan/reconcile'
import { describe, expect, it } from 'vitest'
import { type Member, tamper, type World, type WorldOptions, world } from './world.ts'

interface Swept {
  readonly findings: readonly Finding[]
  readonly record: SweepRecord | undefined
}

async function share({ migration, entity }: World, options: SweepShardsOptions = {}): Promise<Swept> {
  const findings: Finding[] = []
  const sweeping = reconcile.sweepShards(migration, entity, { shards: 4, reveal: 'keys', ...options })
  for (;;) {
    const step = await sweeping.next()
    if (step.done === true) return { findings, record: step.value }
    findings.push(step.value)
  }
}

/** A world that counts the rows of the primary that are read in pages. */
async function counting(rows: number, options: WorldOptions = {}): Promise<{ made: World; reads: () => number[] }> {
  let reads: number[] = []
  const made = await world(rows, {
    ...options,
    legacy: (members) => ({
      ...members,
      async scan(range, how) {
        const found = await members.scan(range, how)
        reads.push(...found.map(({ id }: Member) => id))
        return found
      },
    }),
  })
  reads = []
  return { made, reads: () => reads.sort((a, b) => a - b) }
}

const oneTo = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at + 1)

describe('a sweep that several workers share', () => {
  it('reads every row once, whoever reads it', async () => {
    const { made, reads } = await counting(40)
    const workers = await Promise.all([share(made, { pageRows: 3 }), share(made, { pageRows: 3 })])
    expect(reads()).toEqual(oneTo(40))
    const records = workers.flatMap(({ record }) => (record === undefined ? [] : [record]))
    expect(records).toHaveLength(1)
    expect(records[0]).toMatchObject({ rows: 40, drift: 0, undecided: 0, parity: 1 })
    expect(await readSweepRecord(made.migration.store, 'users')).toEqual(records[0])
  })

  it.each([{ columns: false }, { columns: true }])('says what a sweep of one worker says (%o)', async (options) => {
    const sweeping = await Promise.all([0, 1].map(() => world(1_000, options)))
    const found = []
    for (const made of sweeping) {
      await tamper(made, async () => {
        // Before the first bound, on the bounds, between them, and beyond the last key.
        await made.users.remove([1, 250, 500, 501])
        await made.users.save([
          { id: 300, email: 'other@example.org' },
          ...[1_001, 2_000].map((id) => ({ id, email: 'x' })),
        ])
        await made.members.remove([999])
      })
    }
    const [alone, shared] = sweeping as [World, World]
    const whole = reconcile.sweep(alone.migration, alone.entity, { reveal: 'keys' })
    let step = await whole.next()
    for (; step.done !== true; step = await whole.next()) found.push(step.value)
    const { findings, record } = await share(shared)
    const told = (list: readonly Finding[]) =>
      list.map(({ key, reason }) => ({ key, reason })).sort((a, b) => Number(a.key) - Number(b.key))
    expect(told(findings)).toEqual(told(found))
    expect(told(findings).map(({ key }) => key)).toEqual([1, 250, 300, 500, 501, 999, 1_001, 2_000])
    const { startedAt: _a, finishedAt: _b, incarnation: _c, places: _d, ...expected } = step.value
    expect(record).toMatchObject(expected)
  })

  it('leaves a shard that is swept to nobody, and one that was broken off to the next worker', async () => {
    const { made, reads } = await counting(40)
    const stop = new AbortController()
    let pages = 0
    const onProgress = (): void => {
      if (++pages === 5) stop.abort(new Error('enough'))
    }
    await expect(share(made, { pageRows: 5, signal: stop.signal, onProgress })).rejects.toThrow('enough')
    expect(await readSweepRecord(made.migration.store, 'users')).toBeUndefined()
    expect((await share(made, { pageRows: 5 })).record).toMatchObject({ rows: 40 })
    // The first shard once, what was read of the second twice.
    expect(reads().filter((id) => id <= 10)).toEqual(oneTo(10))
    expect(reads().length).toBeLessThanOrEqual(50)
  })

  it('goes on with the shards of a worker that is dead, and lets nobody in before', async () => {
    const made = await world(40)
    const { store } = made.migration
    await store.claim(sweepShardDocument('users', 1), 'a dead worker', 800)
    await expect(share(made, { shard: 1 })).rejects.toThrow(JobClaimedError)
    expect((await share(made)).record).toMatchObject({ rows: 40 })
  })

  it('keeps a worker to its shard, and has the last one end it', async () => {
    const { made, reads } = await counting(40)
    for (const shard of [2, 0, 3]) expect((await share(made, { shard })).record).toBeUndefined()
    expect(await readSweepRecord(made.migration.store, 'users')).toBeUndefined()
    expect((await share(made, { shard: 1 })).record).toMatchObject({ rows: 40 })
    expect(reads()).toEqual(oneTo(40))
  })

  it('reads nothing for a worker that comes when it has ended', async () => {
    const { made, reads } = await counting(40)
    const { store } = made.migration
    const sweep = await nextSweep(store, 'users')
    await share(made, { sweep })
    const { length } = reads()
    expect(await share(made, { sweep })).toEqual({ findings: [], record: undefined })
    expect(reads()).toHaveLength(length)
    expect(await nextSweep(store, 'users')).toBe(sweep + 1)
  })

  it('is ended by the next who looks when the worker dies that found everything swept', async () => {
    const made = await world(40)
    const { store } = made.migration
    const put = store.putDocument.bind(store)
    let dead = false
    Object.assign(store, {
      putDocument: async (name: string, ...rest: [never, never]) => {
        if (name === 'sweep:users' && !dead) {
          dead = true
          throw new Error('died')
        }
        return put(name, ...rest)
      },
    })
    await expect(share(made)).rejects.toThrow('died')
    expect(await nextSweep(store, 'users')).toBe(1)
    expect((await share(made, { shard: 2, sweep: 1 })).record).toMatchObject({ rows: 40 })
  })

  it('forgets findings of before that nobody found again, and none that another worker found', async () => {
    const made = await world(40)
    const found = async (): Promise<number> => (await made.migration.store.findings({ kind: 'reconcile' })).length
    await tamper(made, () => made.users.remove([3, 13, 23]))
    await share(made)
    expect(await found()).toBe(3)
    await made.users.save([{ id: 13, email: 'm13@example.org' }])
    for (const shard of [0, 1, 2, 3]) await share(made, { shard })
    expect(await found()).toBe(2)
  })

  it('begins when it is cut: what changed later is no older than its record says', async () => {
    const made = await world(40)
    const startedAt = made.migration.now()
    await share(made, { shard: 0 })
    await made.migration.sleep(10_000)
    for (const shard of [1, 2]) await share(made, { shard })
    expect((await share(made, { shard: 3 })).record?.startedAt).toBe(startedAt)
  })

  it('says where in the order of the keys the drift lies', async () => {
    const made = await world(4_000)
    await tamper(made, () => made.users.remove([2_950, 2_951, 2_952]))
    const { record } = await share(made, { pageRows: 100 })
    const places = record?.places ?? []
    expect(places.reduce((sum, one) => sum + one, 0)).toBe(3)
    expect(Math.round((4_000 * places.findIndex((one) => one > 0)) / places.length / 100)).toBe(29)
    expect(record?.patterns).toEqual([{ field: null, reason: 'missing', keys: 3, offset: null }])
  })

  it('cuts nothing where there is nothing', async () => {
    const made = await world(0)
    expect((await share(made)).record).toMatchObject({ rows: 0, parity: 1 })
  })

  it('has as many shards as it was cut in, whatever the next worker asks for', async () => {
    const { made, reads } = await counting(40)
    await share(made, { shards: 4, shard: 0 })
    expect((await share(made, { shards: 3 })).record).toMatchObject({ rows: 40 })
    const { layout } = (await readSweepLayout(made.migration.store, 'users'))!
    expect((await readSweepShards(made.migration.store, layout)).map((shard) => shard?.rows)).toEqual([10, 10, 10, 10])
    expect(reads()).toEqual(oneTo(40))
  })

  it.each<[SweepShardsOptions]>([
    [{ shards: 0 }],
    [{ shard: 4 }],
    [{ claimMs: 1 }],
    [{ raw: true } as SweepShardsOptions],
  ])('refuses %o', async (options) => {
    const made = await world(0)
    expect(() => reconcile.sweepShards(made.migration, made.entity, { shards: 4, ...options })).toThrow(
      InvalidOptionError,
    )
  })
})
