import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { backfill } from '@twinspan/backfill'
import { readSweepRecord } from '@twinspan/core'
import { walkTo } from '@twinspan/core/testing'
import { type BossJobs, createBossJobs } from '@twinspan/pg-boss'
import { type QueryExecutorProvider, sql } from 'kysely'
import { PgBoss } from 'pg-boss'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { postgres } from '../support/postgres.ts'
import { atRest, type Databases, type Service, startService } from './service.ts'
import { openPair } from './two-schemas.ts'

const missing = await postgres.missing()
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)

const ROWS = 2_000

describe.skipIf(missing !== undefined)('a worker of shards that is killed with SIGKILL', { timeout: 60_000 }, () => {
  let databases: Databases
  let service: Service
  let boss: PgBoss
  let jobs: BossJobs
  let urls: readonly [string, string]
  const workers: ChildProcess[] = []

  beforeEach(async () => {
    databases = await openPair(postgres, postgres)
    urls = [await urlOf(databases.legacy.db), await urlOf(databases.target.db)]
    await sql`insert into members (mail, status, points) select 'm' || n || '@example.org', 'Active', 0 from generate_series(1, ${sql.lit(ROWS)}) n`.execute(
      databases.legacy.db,
    )
    service = await startService(databases)
    await walkTo(service.migration, 'dual-write')
    boss = new PgBoss({ connectionString: urls[1], max: 2, supervise: false, schedule: false })
    boss.on('error', () => {})
    await boss.start()
    jobs = createBossJobs(boss, service.migration, { heartbeatSeconds: 10, retryDelaySeconds: 1 })
  })
  afterEach(async () => {
    for (const worker of workers.splice(0)) {
      if (worker.exitCode === null && worker.kill('SIGKILL')) await once(worker, 'exit')
    }
    await boss.stop({ graceful: false })
    await service.stop()
    await databases.legacy.close()
    await databases.target.close()
  })

  /** The rows of each chunk that it has copied, by shard, as it tells them. */
  function startWorker(restMs: number): { readonly process: ChildProcess; readonly chunks: [string, number][] } {
    const process = spawn(
      globalThis.process.execPath,
      ['--conditions=twinspan-src', `${import.meta.dirname}/boss-worker.ts`, ...urls, String(restMs)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    workers.push(process)
    const chunks: [string, number][] = []
    createInterface({ input: process.stdout! }).on('line', (line) => {
      const [shard = '', rows = ''] = line.split(' ')
      chunks.push([shard, Number(rows)])
    })
    return { process, chunks }
  }

  it('loses nothing and costs one chunk, while users write', async () => {
    expect(await jobs.enqueueBackfill({ shards: 4 })).toBe(4)
    const victim = startWorker(50)
    await vi.waitFor(() => expect(victim.chunks.length).toBeGreaterThan(3), { timeout: 20_000, interval: 20 })
    // Users delete and change what is copied, what is not, and what is under way.
    for (const id of [1, 60, 170, 500, 999, 1_000, 1_500, ROWS]) await service.accounts.remove(id)
    for (const id of [2, 61, 171, 501, 998, 1_001, 1_501]) await service.accounts.award(id)
    victim.process.kill('SIGKILL')
    await once(victim.process, 'exit')

    // What pg-boss finds out by itself once the heartbeat is old.
    await sql`update pgboss.job set heartbeat_on = heartbeat_on - interval '1 minute' where state = 'active'`.execute(
      databases.target.db,
    )
    await boss.supervise('twinspan/accounts/backfill')
    const heirs = [startWorker(0), startWorker(0)]
    await vi.waitFor(
      async () => {
        const [progress] = await jobs.progress()
        expect(progress).toMatchObject({ done: true, jobs: { backfill: { completed: 4 } } })
      },
      { timeout: 30_000, interval: 200 },
    )
    await service.mirror.drain()
    const { legacy, target } = await atRest(databases)
    expect(target).toEqual(legacy)
    expect(legacy).toHaveLength(ROWS - 8)

    const told = [victim, ...heirs].flatMap(({ chunks }) => chunks.map(([, rows]) => rows))
    const copied = told.reduce((sum, rows) => sum + rows, 0)
    // A chunk that was checkpointed and never told of is not in the sum; one that was copied twice is in it once.
    expect(copied).toBeLessThanOrEqual(ROWS)
    expect(copied).toBeGreaterThanOrEqual(ROWS - 8 - 50)
  })

  it('costs a sweep the shard that it was at, and nothing of what it had found', async () => {
    for await (const step of backfill(service.migration, service.migration.entities[0]!, { maxLegacyLoad: 1 }))
      void step
    await service.mirror.drain()
    // What nobody captures, in the first shard, in the middle, and in the last one.
    await sql`alter table users disable trigger all`.execute(databases.target.db)
    await sql`delete from users where id in (3, 900, ${ROWS})`.execute(databases.target.db)
    await sql`alter table users enable trigger all`.execute(databases.target.db)

    expect(await jobs.enqueueSweeps({ shards: 4 })).toBe(4)
    const victim = startWorker(50)
    const swept = async (): Promise<number> => (await jobs.progress())[0]?.sweep.swept ?? 0
    await vi.waitFor(async () => expect(await swept()).toBe(1), { timeout: 30_000, interval: 20 })
    const told = victim.chunks.length
    await vi.waitFor(() => expect(victim.chunks.length).toBeGreaterThan(told + 2), { timeout: 20_000, interval: 5 })
    for (const id of [1, 600, 1_500]) await service.accounts.remove(id)
    for (const id of [2, 601, 1_501]) await service.accounts.award(id)
    victim.process.kill('SIGKILL')
    await once(victim.process, 'exit')
    expect(await swept()).toBe(1)

    await sql`update pgboss.job set heartbeat_on = heartbeat_on - interval '1 minute' where state = 'active'`.execute(
      databases.target.db,
    )
    await boss.supervise('twinspan/accounts/sweep')
    const heirs = [startWorker(0), startWorker(0)]
    await vi.waitFor(async () => expect((await jobs.progress())[0]?.jobs.sweep).toEqual({ completed: 4 }), {
      timeout: 30_000,
      interval: 200,
    })
    const { store } = service.migration
    expect(await readSweepRecord(store, 'users')).toMatchObject({ drift: 3, undecided: 0 })
    expect(await store.findings({ kind: 'reconcile' })).toHaveLength(3)
    const rows = [victim, ...heirs].flatMap(({ chunks }) => chunks.map(([, read]) => read))
    const read = rows.reduce((sum, one) => sum + one, 0)
    expect(read).toBeGreaterThanOrEqual(ROWS - 3)
    expect(read).toBeLessThanOrEqual(ROWS + ROWS / 4)
  })
})

async function urlOf(db: QueryExecutorProvider): Promise<string> {
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db)
  const url = new URL(process.env['TWINSPAN_PG_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres')
  url.pathname = `/${rows[0]?.name}`
  return url.href
}
