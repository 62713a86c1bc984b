import { type BackfillRecord, backfillDocument, JobClaimedError } from '@twinspan/core'
import { openCheckpoint } from '../checkpoint.ts'
import type { Job } from '../job.ts'
import { finishAll } from '../pass-tail.ts'
import { persist } from '../persist.ts'
import type { BackfillProgress } from '../progress.ts'
import type { Report, Standing } from '../report.ts'
import { type Layout, lookTogether } from './together.ts'

/** Ends a backfill whose shards are all copied, under the claim of the entity. `false` where another worker is at that. */
export async function* endShards(
  job: Job,
  layout: Layout,
  standing: Standing,
  report: Report,
): AsyncGenerator<BackfillProgress, boolean> {
  const { migration, entity, settings } = job
  try {
    const checkpoint = yield* persist(job, report.paused, async () => {
      const { record } = await lookTogether(job, layout)
      const opened = await openCheckpoint(
        migration,
        backfillDocument(entity.name),
        (stored) => {
          // Somebody has ended it or begun anew since the look.
          if (!record.done && stored?.layout !== layout.id) throw new JobClaimedError(backfillDocument(entity.name))
          return ended(record, settings.thorough)
        },
        (saved) => {
          standing.record = saved
        },
      )
      const { thorough, done } = opened.record
      if (!thorough && !done && settings.tail === undefined)
        await opened.save({ ...opened.record, done: true, updatedAt: migration.now() })
      return opened
    })
    if (checkpoint === undefined) return true
    if (checkpoint.record.done) yield report.advanced(0, 0, null)
    else yield* finishAll(job, checkpoint, standing.pace, report)
    return true
  } catch (error) {
    if (error instanceof JobClaimedError) return false
    throw error
  } finally {
    await job.claim.release().catch(() => {})
  }
}

/** The record of one that has no shards any more. */
function ended({ layout: _layout, bounds: _bounds, ...record }: BackfillRecord, thorough: boolean): BackfillRecord {
  return { ...record, thorough: record.thorough || thorough }
}
