import type { Migration } from '@twinspan/core'
import type { BossLike } from './boss-like.ts'
import type { BossJobsOptions } from './options.ts'
import { runJob } from './run-job.ts'
import type { Kind } from './task.ts'

/** What a worker needs to know. */
export interface Work {
  readonly migration: Migration
  readonly options: BossJobsOptions
  readonly kind: Kind
}

/** Begins to work on a queue. Returns what ends it, after the chunks at work. */
export async function workOn(
  boss: BossLike,
  queue: string,
  pace: { readonly localConcurrency: number; readonly pollingIntervalSeconds: number },
  work: Work,
): Promise<() => Promise<void>> {
  const stopping = new AbortController()
  const id = await boss.work(queue, { batchSize: 1, perJobResults: true, ...pace }, (jobs) =>
    Promise.all(jobs.map((job) => runJob(work, job, AbortSignal.any([stopping.signal, job.signal])))),
  )
  return async () => {
    stopping.abort()
    await boss.offWork(queue, { id, wait: true })
  }
}
