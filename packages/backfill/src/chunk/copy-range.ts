import { traced } from '@twinspan/core'
import type { Checkpoint } from '../checkpoint.ts'
import { type Job, takesAllOfLegacy } from '../job.ts'
import { persist, rest } from '../persist.ts'
import type { BackfillProgress } from '../progress.ts'
import type { Report } from '../report.ts'
import type { ChunkCost, Pace } from '../throttle/pace.ts'
import { type CopiedChunk, copyChunk } from './copy-chunk.ts'
import { createReadAhead, type ReadAhead } from './read-ahead.ts'
import { readChunk } from './read-chunk.ts'
import { createTextRoad, type TextRoad } from './text-road.ts'

/** Copies chunk by chunk what the checkpoint has not reached yet. `false` when it was told to end before. */
export async function* copyRange(
  job: Job,
  checkpoint: Checkpoint,
  pace: Pace,
  report: Report,
): AsyncGenerator<BackfillProgress, boolean> {
  const road = createTextRoad(job)
  const ahead = createReadAhead()
  while (!checkpoint.record.scanned) {
    const chunk = yield* persist(job, report.paused, () =>
      traced('twinspan.backfill.chunk', { 'twinspan.entity': job.entity.name }, () =>
        copyNext(job, checkpoint, pace, road, ahead),
      ),
    )
    if (chunk === undefined) return false
    yield report.advanced(chunk.rows, chunk.ms, chunk.throttledBy)
    if (!checkpoint.record.done) await rest(job, chunk.restMs)
  }
  return true
}

/** Copies a chunk, and reads the one behind it meanwhile. Nothing is under way any more when it ends, however it ends. */
async function copyNext(
  job: Job,
  checkpoint: Checkpoint,
  pace: Pace,
  road: TextRoad,
  ahead: ReadAhead,
): Promise<ChunkCost & { readonly rows: number }> {
  const limit = pace.chunkRows
  const clock = pace.chunk()
  try {
    const after = checkpoint.record.through
    const read = ahead.take(job, after, limit) ?? (await readChunk(job, clock, after, limit, road.plan))
    const { through } = read.stretch
    // Whoever is held back decides about each chunk when it is due.
    const hurries = takesAllOfLegacy(job) && ahead.isFree
    const reading =
      hurries && !read.isLast && through !== null
        ? ahead.begin(readChunk(job, clock, through, limit, road.plan))
        : undefined
    let copied: CopiedChunk
    try {
      copied = await copyChunk(job, clock, checkpoint.record, read, road)
    } finally {
      await reading
    }
    const { rows, next } = copied
    await checkpoint.save({ ...next, chunkRows: limit })
    job.throttle.near(next.through)
    const cost = clock.end(rows, read.limit)
    ahead.isFree = cost.restMs === 0
    return { rows, ...cost }
  } catch (error) {
    ahead.forget()
    pace.shrink()
    throw error
  }
}
