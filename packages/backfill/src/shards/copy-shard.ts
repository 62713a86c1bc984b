import { type BackfillRecord, JobClaimedError, shardDocument, withShards } from '@twinspan/core'
import { newRecord, openCheckpoint } from '../checkpoint.ts'
import { copyRange } from '../chunk/copy-range.ts'
import type { Job } from '../job.ts'
import { persist } from '../persist.ts'
import type { BackfillProgress } from '../progress.ts'
import type { Report, Standing } from '../report.ts'
import { createPace } from '../throttle/pace.ts'
import { createClaim } from './claim.ts'
import { type Layout, lookTogether } from './together.ts'

/** Copies one shard from where its checkpoint is. `false` where another worker has it, or took it over meanwhile. */
export async function* copyShard(
  job: Job,
  layout: Layout,
  index: number,
  standing: Standing,
  report: Report,
): AsyncGenerator<BackfillProgress, boolean> {
  const { migration, entity, settings } = job
  const name = shardDocument(entity.name, index)
  const claim = createClaim(migration, name, settings.claimMs)
  const shard = { index, through: layout.bounds[index] ?? null, quarantinedElsewhere: 0 }
  const own: Job = { ...job, claim, shard }
  try {
    const opened = yield* persist(own, report.paused, async () => {
      // Behind the claim, which whoever draws another layout takes as well.
      const { main, record, shards } = await lookTogether(job, layout)
      if (record.done) return { elsewhere: record, checkpoint: null }
      const elsewhere = withShards(main, shards.with(index, undefined))
      const fresh: BackfillRecord = {
        ...newRecord(migration, entity.name),
        layout: layout.id,
        through: layout.bounds[index - 1] ?? main.through,
      }
      const checkpoint = await openCheckpoint(
        migration,
        name,
        (stored) => (stored?.layout === layout.id ? stored : fresh),
        (saved) => {
          standing.record = withShards(elsewhere, [saved])
        },
      )
      return { elsewhere, checkpoint }
    })
    if (opened === undefined) return false
    const { elsewhere, checkpoint } = opened
    if (checkpoint === null) return true
    // A shard that nobody has begun goes on at the pace of the one before it.
    const { rows, chunkRows } = checkpoint.record
    standing.pace = createPace(settings, migration.now, rows > 0 ? chunkRows : standing.pace.chunkRows, job.throttle)
    standing.shard = index
    const counted: Job = { ...own, shard: { ...shard, quarantinedElsewhere: elsewhere.quarantined } }
    return yield* copyRange(counted, checkpoint, standing.pace, report)
  } catch (error) {
    if (error instanceof JobClaimedError) return false
    throw error
  } finally {
    standing.shard = null
    await claim.release().catch(() => {})
  }
}
