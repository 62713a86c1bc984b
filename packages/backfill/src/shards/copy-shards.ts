import { type BackfillRecord, JobClaimedError, shardDocument } from '@twinspan/core'
import { newRecord } from '../checkpoint.ts'
import type { Job } from '../job.ts'
import { persist, rest, unclaimed } from '../persist.ts'
import type { BackfillProgress } from '../progress.ts'
import { countLegacy } from '../reach.ts'
import { createReport, type Standing } from '../report.ts'
import { createPace } from '../throttle/pace.ts'
import { copyShard } from './copy-shard.ts'
import { endShards } from './end-shards.ts'
import { type Layout, lookTogether } from './together.ts'

/** How often a worker looks whether a shard of another one has become free. */
const LOOK_MS = 1_000

/** Takes one free shard after the other. A worker that finds all of them copied ends the backfill. */
export async function* copyShards(job: Job, layout: Layout): AsyncGenerator<BackfillProgress> {
  const { migration, entity, settings } = job
  const looking = unclaimed(job)
  const record = newRecord(migration, entity.name)
  const standing: Standing = {
    record,
    counted: 0,
    pace: createPace(settings, migration.now, record.chunkRows, job.throttle),
    shard: null,
  }
  const report = createReport(job, () => standing)

  for (;;) {
    const together = yield* persist(looking, report.paused, async () => {
      standing.counted ||= await countLegacy(entity)
      return lookTogether(job, layout)
    })
    if (together === undefined) return
    standing.record = together.record
    if (together.record.done) {
      yield report.advanced(0, 0, null)
      return
    }
    if (together.record.scanned) {
      // Where each worker has a job of its own, the one that ends the backfill is started again if it dies.
      if ((yield* endShards(job, layout, standing, report)) || settings.shard !== undefined) return
    } else {
      const left = open(together.shards).filter((index) => isFor(job, index))
      if (left.length === 0) return
      let copied = 0
      for (const index of left) {
        if (yield* copyShard(job, layout, index, standing, report)) copied += 1
        if (settings.signal.aborted) return
      }
      if (copied > 0) continue
      if (settings.shard !== undefined) throw new JobClaimedError(shardDocument(entity.name, left[0] ?? 0))
    }
    yield report.paused('claim')
    await rest(looking, LOOK_MS)
  }
}

function open(shards: readonly (BackfillRecord | undefined)[]): readonly number[] {
  return shards.flatMap((shard, index) => (shard?.scanned === true ? [] : [index]))
}

function isFor({ settings: { shard, shards } }: Job, index: number): boolean {
  return shard === undefined || index % shards === shard
}
