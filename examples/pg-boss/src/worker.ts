/** One of the processes that share the work: `node worker.ts <input>`. */
import { setTimeout as wait } from 'node:timers/promises'
import { backfill } from '@twinspan/backfill'
import { createBossJobs } from '@twinspan/pg-boss'
import { reconcile } from '@twinspan/reconcile'
import type { Urls } from './databases.ts'
import { startApp } from './migration.ts'
import { openQueue } from './queue.ts'

export interface WorkerInput extends Urls {
  /** So many milliseconds of rest after each chunk, so that there is something to see. */
  readonly restMs: number
}

/** What a worker says to the process that started it. */
export type WorkerMessage =
  | { readonly type: 'copied'; readonly shard: number | null; readonly rows: number }
  | { readonly type: 'swept'; readonly shard: number; readonly rows: number }

const input = JSON.parse(process.argv[2] ?? '') as WorkerInput
const tell = (message: WorkerMessage): void => void (process.connected && process.send?.(message))

const app = await startApp(input)
const boss = await openQueue(input.target, false)
const jobs = createBossJobs(boss, app.migration, {
  async *backfill(entity, share) {
    const options = { ...share, maxChunkRows: 1_000, maxLegacyLoad: 1, claimMs: 2_000 }
    for await (const progress of backfill(app.migration, entity, options)) {
      tell({ type: 'copied', shard: progress.shard, rows: progress.chunkRows })
      yield progress
      await wait(input.restMs)
    }
  },
  async *sweep(entity, share) {
    let told = 0
    yield* reconcile.sweepShards(app.migration, entity, {
      ...share,
      maxPrimaryLoad: 1,
      claimMs: 2_000,
      onProgress({ rows }) {
        tell({ type: 'swept', shard: share.shard, rows: rows - told })
        told = rows
      },
    })
  },
  heartbeatSeconds: 10,
  retryDelaySeconds: 1,
})
await jobs.work({ pollingIntervalSeconds: 0.5 })

// The application tells its workers to end, as a deployment would: the chunks at work are finished, the jobs go back.
process.on('disconnect', () => {
  void (async () => {
    await jobs.stop()
    await boss.stop({ graceful: false })
    await app.stop()
    process.exit(0)
  })()
})
