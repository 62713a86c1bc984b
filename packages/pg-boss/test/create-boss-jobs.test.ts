import { ErrorBudgetError, InvalidOptionError, readBackfillRecord, readSweepRecord } from '@twinspan/core'
import { type BossJobs, type BossJobsOptions, createBossJobs } from '@twinspan/pg-boss'
import { reconcile } from '@twinspan/reconcile'
import type { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { copying, FAST, openBoss, openWorld, type Process } from './world.ts'

let boss: PgBoss
let close: () => Promise<void>

beforeAll(async () => {
  ;({ boss, close } = await openBoss())
})
afterAll(() => close())

function jobsOf({ migration }: Process, options: BossJobsOptions = {}): BossJobs {
  const jobs = createBossJobs(boss, migration, options)
  onTestFinished(() => jobs.stop())
  return jobs
}

const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 50 })

async function untilDone(jobs: BossJobs): Promise<void> {
  await until(async () => {
    const [progress] = await jobs.progress()
    expect(progress?.done).toBe(true)
    expect(Object.keys(progress?.jobs.backfill ?? {})).toEqual(['completed'])
  })
}

describe('the jobs of a backfill', () => {
  it('are enqueued once, however many deployments ask for them', async () => {
    const world = await openWorld(8)
    const [one, two] = [jobsOf(await world.join()), jobsOf(await world.join())]
    const sent = await Promise.all([one.enqueueBackfill({ shards: 4 }), two.enqueueBackfill({ shards: 4 })])
    expect(sent[0] + sent[1]).toBe(4)
    expect(await one.enqueueBackfill({ shards: 4 })).toBe(0)
    expect((await two.progress())[0]).toMatchObject({ entity: 'users', rows: 0, jobs: { backfill: { created: 4 } } })
  })

  it('copy everything between them, on all processes that work', async () => {
    const world = await openWorld(40)
    const processes = [await world.join(), await world.join()]
    const all = processes.map((process) => jobsOf(process, copying(process)))
    await all[0]?.enqueueBackfill({ shards: 4 })
    await Promise.all(all.map((jobs) => jobs.work({ ...FAST, concurrency: 2 })))
    await untilDone(all[1] as BossJobs)
    expect(world.users.rows()).toHaveLength(40)
    expect(world.reads()).toBe(40)
    expect((await all[0]?.progress())?.[0]).toMatchObject({ rows: 40, quarantined: 0, done: true, sweptAt: null })
  })

  it('repeat nothing when they are delivered twice, or cut in another way', async () => {
    const world = await openWorld(40)
    const processes = [await world.join(), await world.join()]
    const all = processes.map((process) => jobsOf(process, copying(process)))
    await all[0]?.enqueueBackfill({ shards: 4 })
    await all[1]?.enqueueBackfill({ shards: 3 })
    const queue = `twinspan/${world.name}/backfill`
    for (const shard of [0, 1, 2, 3]) {
      const copy = { entity: 'users', shards: 4, shard }
      expect(await boss.send(queue, copy, { singletonKey: `again-${shard}` })).not.toBeNull()
    }
    await Promise.all(all.map((jobs) => jobs.work({ ...FAST, concurrency: 4 })))
    await untilDone(all[0] as BossJobs)
    expect(world.reads()).toBe(40)
    expect((await readBackfillRecord(processes[0]!.migration.store, 'users'))?.record).toMatchObject({
      rows: 40,
      inserted: 40,
    })
  })

  it('go on in the next process from where the last one stopped', async () => {
    const world = await openWorld(40)
    const old = await world.join()
    let chunks = 0
    const leaving = jobsOf(old, {
      ...copying(old),
      async *backfill(entity, share) {
        for await (const step of copying(old).backfill!(entity, share)) {
          yield step
          if (++chunks === 2) void leaving.stop()
          if (chunks >= 2) await new Promise((resolve) => setTimeout(resolve, 20))
        }
      },
    })
    await leaving.enqueueBackfill({ shards: 2 })
    await leaving.work(FAST)
    await until(async () =>
      expect((await leaving.progress())[0]?.jobs.backfill).toMatchObject({ retry: 1, created: 1 }),
    )
    const rows = world.users.rows().length
    expect(rows).toBeGreaterThan(0)
    expect(rows).toBeLessThan(20)
    const next = await world.join()
    const jobs = jobsOf(next, copying(next))
    await jobs.work(FAST)
    await untilDone(jobs)
    // The chunk that the first one had read ahead, and not written, is read once more.
    expect(world.reads()).toBeLessThanOrEqual(43)
    expect((await readBackfillRecord(next.migration.store, 'users'))?.record).toMatchObject({ rows: 40, inserted: 40 })
  })

  it('end with the migration', async () => {
    const world = await openWorld(10)
    const process = await world.join()
    const jobs = jobsOf(process, copying(process))
    await jobs.work(FAST)
    await process.migration.stop()
    await jobs.enqueueBackfill({ shards: 1 })
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect(world.reads()).toBe(0)
  })

  it('are not tried again where somebody has to act first', async () => {
    const world = await openWorld(4)
    let broken = false
    const process = await world.join((row) => {
      if (broken) throw new Error(`no: ${row.email}`)
      return row
    })
    broken = true
    const jobs = jobsOf(process, copying(process, { errorBudget: 0 }))
    await jobs.enqueueBackfill({ shards: 1 })
    await jobs.work(FAST)
    await until(async () => expect((await jobs.progress())[0]?.jobs.backfill).toEqual({ failed: 1 }))
    const [job] = await boss.findJobs(`twinspan/${world.name}/backfill`)
    expect(job).toMatchObject({ retryCount: 0, output: { reason: expect.stringContaining(ErrorBudgetError.name) } })
  })

  it('leave no value of a row in the queue', async () => {
    const world = await openWorld(4)
    const process = await world.join()
    const jobs = jobsOf(process, {
      async *backfill() {
        yield await Promise.reject(new Error('Key (email)=(m1@example.org) already exists'))
      },
    })
    await jobs.enqueueBackfill({ shards: 1 })
    await jobs.work(FAST)
    await until(async () => expect((await jobs.progress())[0]?.jobs.backfill).toEqual({ retry: 1 }))
    const found = await boss.findJobs(`twinspan/${world.name}/backfill`)
    expect(JSON.stringify(found)).toContain('Error')
    expect(JSON.stringify(found)).not.toContain('m1@')
  })

  it('wait for a process that knows their entity', async () => {
    const world = await openWorld(1)
    const process = await world.join()
    const jobs = jobsOf(process, copying(process))
    await jobs.enqueueBackfill({ shards: 1 })
    const queue = `twinspan/${world.name}/backfill`
    await boss.send(queue, { entity: 'orders', shards: 1, shard: 0 })
    await jobs.work(FAST)
    await until(async () => {
      const states = (await boss.findJobs(queue)).map(({ state }) => state)
      expect(states.sort()).toEqual(['completed', 'retry'])
    })
  })
})

describe('the jobs of a sweep', () => {
  const sweeping = ({ migration }: Process): BossJobsOptions => ({
    sweep: (entity, share) => reconcile.sweepShards(migration, entity, { pageRows: 3, ...share }),
    retryDelaySeconds: 1,
  })

  async function untilSwept(jobs: BossJobs, completed: number): Promise<void> {
    await until(async () => expect((await jobs.progress())[0]?.jobs.sweep).toEqual({ completed }))
  }

  /** A world whose history is copied, with what counts the rows of legacy that are read from now on. */
  async function copied(rows: number) {
    const world = await openWorld(rows)
    const process = await world.join()
    for await (const step of copying(process).backfill!(process.entity, {
      shards: 1,
      shard: 0,
      signal: new AbortController().signal,
    }))
      void step
    const before = world.reads()
    return { world, process, reads: () => world.reads() - before }
  }

  it('sweep everything between them, on all processes that work', async () => {
    const { world, process, reads } = await copied(40)
    const all = [process, await world.join()].map((one) => jobsOf(one, sweeping(one)))
    const sent = await Promise.all(all.map((jobs) => jobs.enqueueSweeps({ shards: 4 })))
    expect(sent[0]! + sent[1]!).toBe(4)
    await Promise.all(all.map((jobs) => jobs.work({ ...FAST, concurrency: 2 })))
    await untilSwept(all[0]!, 4)
    expect(reads()).toBe(40)
    expect(await readSweepRecord(process.migration.store, 'users')).toMatchObject({ rows: 40, drift: 0 })
    expect((await all[1]!.progress())[0]).toMatchObject({ sweptAt: expect.any(Number), sweep: { swept: 0, total: 0 } })
  })

  it('read nothing when they are delivered twice, or after the sweep has ended', async () => {
    const { world, process, reads } = await copied(40)
    const jobs = jobsOf(process, sweeping(process))
    await jobs.enqueueSweeps({ shards: 4 })
    await jobs.work({ ...FAST, concurrency: 4 })
    await untilSwept(jobs, 4)
    for (const shard of [0, 1, 2, 3]) {
      const copy = { entity: 'users', shards: 4, shard, sweep: 1 }
      await boss.send(`twinspan/${world.name}/sweep`, copy, { singletonKey: `again-${shard}` })
    }
    await untilSwept(jobs, 8)
    expect(reads()).toBe(40)
    expect(await jobs.enqueueSweeps({ shards: 4 })).toBe(4)
    await untilSwept(jobs, 12)
    expect(reads()).toBe(80)
  })

  it('go on in the next process from where the last one stopped, and say how far they are', async () => {
    const { world, process, reads } = await copied(40)
    let shards = 0
    const leaving = jobsOf(process, {
      ...sweeping(process),
      async *sweep(entity, share) {
        yield* reconcile.sweepShards(process.migration, entity, { pageRows: 3, ...share })
        if (++shards === 2) void leaving.stop()
        if (shards >= 2) await new Promise((resolve) => setTimeout(resolve, 20))
      },
    })
    await leaving.enqueueSweeps({ shards: 4 })
    await leaving.work(FAST)
    await until(async () =>
      expect((await leaving.progress())[0]).toMatchObject({
        sweep: { swept: 2, total: 4, rows: 20 },
        sweptAt: null,
        jobs: { sweep: { completed: 1, retry: 1, created: 2 } },
      }),
    )
    const next = await world.join()
    const jobs = jobsOf(next, sweeping(next))
    await jobs.work(FAST)
    await untilSwept(jobs, 4)
    expect(reads()).toBe(40)
  })

  it('are given back when the process stops', async () => {
    const world = await openWorld(1)
    const process = await world.join()
    let begin = (): void => {}
    const began = new Promise<void>((resolve) => {
      begin = resolve
    })
    const jobs = jobsOf(process, {
      async *sweep(_entity, { signal }) {
        begin()
        yield await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
    })
    await jobs.enqueueSweeps({ shards: 1 })
    await jobs.work(FAST)
    await began
    await jobs.stop()
    expect((await jobs.progress())[0]?.jobs.sweep).toEqual({ retry: 1 })
  })
})

describe('createBossJobs', () => {
  it.each<[BossJobsOptions]>([
    [{ heartbeatSeconds: 9 }],
    [{ retryDelaySeconds: 0 }],
    [{ backfill: 'yes' } as unknown as BossJobsOptions],
  ])('refuses %o', async (options) => {
    const { migration } = await (await openWorld(0)).join()
    expect(() => createBossJobs(boss, migration, options)).toThrow(InvalidOptionError)
  })

  it('refuses an entity of another migration, and no shards', async () => {
    const jobs = jobsOf(await (await openWorld(0)).join())
    const stranger = { name: 'orders' } as Process['entity']
    await expect(jobs.enqueueSweeps({ entities: [stranger] })).rejects.toThrow(InvalidOptionError)
    await expect(jobs.enqueueBackfill({ shards: 0 })).rejects.toThrow(InvalidOptionError)
    await expect(jobs.work({ concurrency: 0 })).rejects.toThrow(InvalidOptionError)
  })
})
