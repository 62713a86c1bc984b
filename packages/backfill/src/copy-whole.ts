import { backfillDocument } from '@twinspan/core'
import { isValid, newRecord, openCheckpoint } from './checkpoint.ts'
import { copyRange } from './chunk/copy-range.ts'
import type { Job } from './job.ts'
import { finishAll } from './pass-tail.ts'
import { persist } from './persist.ts'
import type { BackfillProgress } from './progress.ts'
import { countLegacy } from './reach.ts'
import { createReport } from './report.ts'
import { createPace } from './throttle/pace.ts'

/** Copies all keys, as the one worker there is, from where an earlier run ended. */
export async function* copyWhole(job: Job): AsyncGenerator<BackfillProgress> {
  const { migration, entity, settings } = job
  const fresh = newRecord(migration, entity.name)
  let record = fresh
  let counted = 0
  let pace = createPace(settings, migration.now, record.chunkRows, job.throttle)
  const report = createReport(job, () => ({ record, counted, pace, shard: null }))

  const checkpoint = yield* persist(job, report.paused, async () => {
    counted = await countLegacy(entity)
    const name = backfillDocument(entity.name)
    return openCheckpoint(
      migration,
      name,
      async (stored) => {
        const resumes = stored !== undefined && !settings.restart && (await isValid(migration, stored))
        const chosen = resumes ? stored : fresh
        return settings.thorough && !chosen.thorough ? { ...chosen, thorough: true, done: false } : chosen
      },
      (saved) => {
        record = saved
      },
    )
  })
  if (checkpoint === undefined) return
  pace = createPace(settings, migration.now, record.chunkRows, job.throttle)

  if (record.done) yield report.advanced(0, 0, null)
  if (!(yield* copyRange(job, checkpoint, pace, report))) return
  if (!record.done) yield* finishAll(job, checkpoint, pace, report)
}
