import type { Key } from '@twinspan/core'
import type { Checkpoint } from './checkpoint.ts'
import { finishTarget } from './finish-target.ts'
import { type Job, mark } from './job.ts'
import { persist, rest } from './persist.ts'
import type { BackfillProgress } from './progress.ts'
import { reach } from './reach.ts'
import type { Report } from './report.ts'
import type { Pace } from './throttle/pace.ts'

/** What is left to do behind the last chunk. A crash repeats it. */
export async function* finishAll(
  job: Job,
  checkpoint: Checkpoint,
  pace: Pace,
  report: Report,
): AsyncGenerator<BackfillProgress> {
  const { tail } = job.settings
  if (tail !== undefined && !(yield* passTail(job, tail, checkpoint, pace, report))) return
  if (!checkpoint.record.done) yield* finishTarget(job, checkpoint, pace, report)
}

/** Hands what the caller's tail gives to the mirror, page by page. `false` when it was told to end before. */
async function* passTail(
  job: Job,
  tail: NonNullable<Job['settings']['tail']>,
  checkpoint: Checkpoint,
  pace: Pace,
  report: Report,
): AsyncGenerator<BackfillProgress, boolean> {
  let marked = 0
  let pages: AsyncIterator<readonly Key[]> | undefined
  try {
    for (;;) {
      const page = yield* persist(job, report.paused, async () => {
        const clock = pace.chunk()
        try {
          pages ??= tail(job.settings.signal)[Symbol.asyncIterator]()
          const from = pages
          const next = await clock.legacy(() => reach('legacy', () => from.next()))
          const keys = next.done === true ? [] : next.value
          await mark(job, clock, keys)
          if (next.done === true) {
            const { record } = checkpoint
            const all = record.marked + marked
            await checkpoint.save({ ...record, marked: all, done: !record.thorough, updatedAt: job.migration.now() })
          }
          marked += keys.length
          return { rows: keys.length, isLast: next.done === true, ...clock.end(keys.length, Number.POSITIVE_INFINITY) }
        } catch (error) {
          // A generator that threw has ended, and would look as if it had given everything.
          pages = undefined
          marked = 0
          throw error
        }
      })
      if (page === undefined) return false
      yield report.advanced(page.rows, page.ms, page.throttledBy)
      if (page.isLast) return true
      await rest(job, page.restMs)
    }
  } finally {
    await pages?.return?.()
  }
}
