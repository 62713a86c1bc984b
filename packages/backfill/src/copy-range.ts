import type { Checkpoint } from './checkpoint.ts'
import { copyChunk } from './copy-chunk.ts'
import type { Job } from './job.ts'
import type { ChunkCost, Pace } from './pace.ts'
import { persist, rest } from './persist.ts'
import type { BackfillProgress } from './progress.ts'
import type { Report } from './report.ts'

/** Copies chunk by chunk what the checkpoint has not reached yet. `false` when it was told to end before. */
export async function* copyRange(
  job: Job,
  checkpoint: Checkpoint,
  pace: Pace,
  report: Report,
): AsyncGenerator<BackfillProgress, boolean> {
  while (!checkpoint.record.scanned) {
    const chunk = yield* persist(job, report.paused, () => copyNext(job, checkpoint, pace))
    if (chunk === undefined) return false
    yield report.advanced(chunk.rows, chunk.ms, chunk.restMs > 0 ? 'legacy-load' : null)
    if (!checkpoint.record.done) await rest(job, chunk.restMs)
  }
  return true
}

async function copyNext(job: Job, checkpoint: Checkpoint, pace: Pace): Promise<ChunkCost & { readonly rows: number }> {
  const limit = pace.chunkRows
  const clock = pace.chunk()
  try {
    const { rows, next } = await copyChunk(job, clock, checkpoint.record, limit)
    await checkpoint.save({ ...next, chunkRows: limit })
    return { rows, ...clock.end(rows, limit) }
  } catch (error) {
    pace.shrink()
    throw error
  }
}
