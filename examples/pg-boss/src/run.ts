import { setTimeout as wait } from 'node:timers/promises'
import { readSweepRecord } from '@twinspan/core'
import { createMirror } from '@twinspan/dual-write'
import { type BossProgress, createBossJobs } from '@twinspan/pg-boss'
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely'
import { startCustomers } from './customers.ts'
import { createDatabases, type Legacy, type Target } from './databases.ts'
import { startApp } from './migration.ts'
import { progressLine } from './progress-line.ts'
import { openQueue } from './queue.ts'
import { startTeam, type Worker } from './team.ts'

export interface RunOptions {
  /** A PostgreSQL in which two databases may be made, and are dropped at the end. */
  readonly server: string
  readonly rows: number
  readonly workers: number
  readonly shards: number
  /** Milliseconds of rest after each chunk. */
  readonly restMs: number
  readonly say: (line: string) => void
  /** Called when a worker has been killed, with the database of the queue. */
  readonly onKilled?: (queue: QueryExecutorProvider) => Promise<void>
}

export interface Summary {
  readonly legacyRows: number
  readonly targetRows: number
  /** Rows that are not the same on both sides, counted by SQL of this example's own. */
  readonly differences: number
  /** Keys that the sweep found to have drifted. */
  readonly drift: number
  /** Chunks' rows as the workers told, in the backfill and in the sweep. */
  readonly copied: number
  readonly swept: number
  /** Writes of customers meanwhile. */
  readonly writes: number
  readonly workers: readonly Worker[]
  readonly seconds: number
}

const LOOK_MS = 250
const TELL_MS = 1_000
const by = { actor: 'example', reason: 'four processes' }

/** Moves a table with several processes, kills one of them on the way, and says what came of it. */
export async function run(options: RunOptions): Promise<Summary> {
  const { server, rows, shards, restMs, say } = options
  const began = Date.now()
  const databases = await createDatabases(server, rows)
  const ends: (() => Promise<unknown>)[] = [() => databases.drop()]
  try {
    const app = await startApp(databases)
    ends.push(() => app.stop())
    const mirror = createMirror(app.migration)
    mirror.start()
    for (const to of ['capture', 'dual-write'] as const) await app.migration.advance({ to, ...by })
    const boss = await openQueue(databases.target, true)
    ends.push(() => boss.stop({ graceful: false }))
    const jobs = createBossJobs(boss, app.migration, { heartbeatSeconds: 10, retryDelaySeconds: 1 })
    const customers = startCustomers(app, rows)
    ends.push(() => customers.stop())

    /** Looks until `isDone`, and shows how far everybody is. */
    async function follow(what: string, isDone: (progress: BossProgress) => boolean | Promise<boolean>): Promise<void> {
      for (let last = 0; ; await wait(LOOK_MS)) {
        const [progress] = await jobs.progress()
        if (progress === undefined) throw new TypeError('The migration has no entity.')
        const done = await isDone(progress)
        if (done || Date.now() - last >= TELL_MS) {
          say(progressLine(what, progress, rows, team.workers))
          last = Date.now()
        }
        if (done) return
      }
    }

    await jobs.enqueueBackfill({ shards })
    const team = startTeam(options.workers, { legacy: databases.legacy, target: databases.target, restMs })
    ends.push(() => team.stop())

    let killed = false
    await follow('backfill', async ({ done, rows: read }) => {
      const victim = team.workers.find((worker) => worker.copied > 0)
      if (!killed && victim !== undefined && read > rows / 4) {
        killed = true
        await team.kill(victim.number)
        say(
          `worker ${victim.number} is killed; in ten seconds its silence will be noticed, and its job is another one's`,
        )
        await options.onKilled?.(app.targetDb)
      }
      return done
    })
    await mirror.drain()

    await jobs.enqueueSweeps({ shards })
    await follow('sweep', ({ sweptAt }) => sweptAt !== null)
    const { drift } = (await readSweepRecord(app.migration.store, 'users')) ?? { drift: Number.NaN }

    const writes = await customers.stop()
    await mirror.drain()
    await team.stop()
    const total = (count: (worker: Worker) => number): number =>
      team.workers.reduce((sum, worker) => sum + count(worker), 0)
    return {
      ...(await compare(app.legacyDb, app.targetDb)),
      drift,
      copied: total((worker) => worker.copied),
      swept: total((worker) => worker.swept),
      writes,
      workers: team.workers.map(({ number, copied, swept, at, killed: dead }) => ({
        number,
        copied,
        swept,
        at,
        killed: dead,
      })),
      seconds: Math.round((Date.now() - began) / 1_000),
    }
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

/** Both tables as they are, by nothing but SQL. */
async function compare(
  legacy: Kysely<Legacy>,
  target: Kysely<Target>,
): Promise<Pick<Summary, 'legacyRows' | 'targetRows' | 'differences'>> {
  const read = async (db: QueryExecutorProvider, query: string): Promise<Set<string>> => {
    const { rows } = await sql<{ text: string }>`${sql.raw(query)}`.execute(db)
    return new Set(rows.map(({ text }) => text))
  }
  const ours = await read(legacy, "select concat_ws('|', customer_no, full_name, mail, orders) as text from customers")
  const theirs = await read(target, "select concat_ws('|', id, name, email, orders) as text from users")
  const lacking = (some: Set<string>, others: Set<string>): number =>
    Array.from(some).filter((row) => !others.has(row)).length
  const differences = lacking(ours, theirs) + lacking(theirs, ours)
  return { legacyRows: ours.size, targetRows: theirs.size, differences }
}
