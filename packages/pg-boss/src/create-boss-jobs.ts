import { type Entity, InvalidOptionError, type Migration, nextSweep, numberOption } from '@twinspan/core'
import type { BossLike } from './boss-like.ts'
import type { BossJobsOptions, BossWorkOptions, EnqueueOptions } from './options.ts'
import { type BossProgress, readProgress } from './progress.ts'
import { type Kind, keyOfTask, type Task } from './task.ts'
import { workOn } from './work-on.ts'

/** The jobs of one migration in the queues of one pg-boss. */
export interface BossJobs {
  /**
   * Enqueues the backfill: one job for each share of each entity. One that is there already, waiting or at work, stays alone, so
   * that every deployment may call this.
   *
   * @returns how many jobs are new
   */
  enqueueBackfill(options?: EnqueueOptions): Promise<number>
  /**
   * Enqueues one full sweep of each entity, in jobs for each share of it, or what is left to do of the one that is under way. Enqueue
   * them when the backfill is done: an earlier one opens no gate.
   *
   * @returns how many jobs are new
   */
  enqueueSweeps(options?: EnqueueOptions): Promise<number>
  /** Works on jobs until `stop`, or until the migration stops. */
  work(options?: BossWorkOptions): Promise<void>
  /** Ends after the chunks at work, and gives their jobs back to the queue. Call it before `boss.stop()`. */
  stop(): Promise<void>
  /** Where each entity stands, as the migration's store and the queues know it. */
  progress(): Promise<readonly BossProgress[]>
}

/** A job is given to another worker as often as workers come and go; every one of them costs a try. */
const TRIES = 10_000

function tasksOf(entity: string, asked: number | undefined): readonly Task[] {
  const shards = numberOption('shards', asked, 16, { min: 1, max: 10_000, integer: true })
  return Array.from({ length: shards }, (_, shard) => ({ entity, shards, shard }))
}

/**
 * Spreads a migration's backfill and sweeps over all processes that work on the queues of `boss`, which is started already.
 * What is done is known to the migration's store, and not to the queue: a job that is lost, delivered twice or delivered again
 * changes nothing.
 */
export function createBossJobs(boss: BossLike, migration: Migration, options: BossJobsOptions = {}): BossJobs {
  const prefix = options.queue ?? `twinspan/${migration.name}`
  const heartbeatSeconds = numberOption('heartbeatSeconds', options.heartbeatSeconds, 30, { min: 10, integer: true })
  const retryDelay = numberOption('retryDelaySeconds', options.retryDelaySeconds, 5, { min: 1, integer: true })
  for (const kind of ['backfill', 'sweep'] as const) {
    if (options[kind] !== undefined && typeof options[kind] !== 'function') {
      throw new InvalidOptionError(kind, options[kind], 'a function')
    }
  }
  const stops: (() => Promise<void>)[] = []
  const made = new Set<Kind>()
  migration.onStop(stop)

  async function queueOf(kind: Kind): Promise<string> {
    const name = `${prefix}/${kind}`
    if (made.has(kind)) return name
    await boss.createQueue(name, {
      policy: 'exclusive',
      retryLimit: TRIES,
      retryDelay,
      retryBackoff: true,
      retryDelayMax: 60,
      // The most that pg-boss takes. A job that lasts longer goes on with another worker, after the chunk at work.
      expireInSeconds: 86_400,
      heartbeatSeconds,
    })
    made.add(kind)
    return name
  }

  async function enqueue(kind: Kind, tasks: readonly Task[]): Promise<number> {
    const queue = await queueOf(kind)
    let sent = 0
    for (const task of tasks) {
      const id = await boss.send(queue, task, { singletonKey: keyOfTask(task) })
      if (id !== null) sent += 1
    }
    return sent
  }

  function known(entities: readonly Entity[] = migration.entities): readonly Entity[] {
    for (const { name } of entities) {
      if (!migration.entities.some((entity) => entity.name === name)) {
        throw new InvalidOptionError('entities', name, `entities of migration "${migration.name}"`)
      }
    }
    return entities
  }

  async function stop(): Promise<void> {
    await Promise.all(stops.splice(0).map((end) => end()))
  }

  return {
    async enqueueBackfill({ entities, shards } = {}) {
      return enqueue(
        'backfill',
        known(entities).flatMap(({ name }) => tasksOf(name, shards)),
      )
    },
    async enqueueSweeps({ entities, shards } = {}) {
      const tasks: Task[] = []
      for (const { name } of known(entities)) {
        const sweep = await nextSweep(migration.store, name)
        tasks.push(...tasksOf(name, shards).map((task) => ({ ...task, sweep })))
      }
      return enqueue('sweep', tasks)
    },
    async work(work = {}) {
      const localConcurrency = numberOption('concurrency', work.concurrency, 1, { min: 1, integer: true })
      const pollingIntervalSeconds = numberOption('pollingIntervalSeconds', work.pollingIntervalSeconds, 2, {
        min: 0.5,
      })
      for (const kind of ['backfill', 'sweep'] as const) {
        if (options[kind] === undefined) continue
        const queue = await queueOf(kind)
        stops.push(
          await workOn(boss, queue, { localConcurrency, pollingIntervalSeconds }, { migration, options, kind }),
        )
      }
    },
    stop,
    progress: () => readProgress(boss, migration, queueOf),
  }
}
