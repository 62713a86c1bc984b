import type { Key } from '@twinspan/core'
import { checkTargetPage } from './check-target.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { Job } from './job.ts'
import { persist, rest } from './persist.ts'
import type { BackfillProgress } from './progress.ts'
import type { Report } from './report.ts'
import type { Pace } from './throttle/pace.ts'

/** The last pass where ranges of keys cannot tell everything. A crash repeats it. */
export async function* finishTarget(
  job: Job,
  checkpoint: Checkpoint,
  pace: Pace,
  report: Report,
): AsyncGenerator<BackfillProgress> {
  let after: Key | null = null
  let marked = checkpoint.record.marked
  for (;;) {
    const from: Key | null = after
    const page = yield* persist(job, report.paused, async () => {
      const clock = pace.chunk()
      const checked = await checkTargetPage(job, clock, from, pace.chunkRows)
      if (checked.after === null) {
        await checkpoint.save({
          ...checkpoint.record,
          marked: marked + checked.marked,
          done: true,
          updatedAt: job.migration.now(),
        })
      }
      return { ...checked, ...clock.end(checked.rows, pace.chunkRows) }
    })
    if (page === undefined) return
    marked += page.marked
    yield report.advanced(page.rows, page.ms, page.throttledBy)
    if (page.after === null) return
    after = page.after
    await rest(job, page.restMs)
  }
}
