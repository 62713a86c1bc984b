import { type Key, keyText, scanKeys, TranslationError, translateRow } from '@twinspan/core'
import { rangeAfter } from './chunk/read-chunk.ts'
import { type Job, mark } from './job.ts'
import { reach } from './reach.ts'
import type { ChunkClock } from './throttle/pace.ts'

export interface CheckedPage {
  readonly rows: number
  readonly marked: number
  /** Where the next page begins; `null` after the last. */
  readonly after: Key | null
}

/**
 * Checks one page of the target's keys, in the target's own order, against their legacy rows, and marks those that the
 * target should not have. Runs after every insert of the backfill has committed; a crash repeats it from the start.
 */
export async function checkTargetPage(
  job: Job,
  clock: ChunkClock,
  after: Key | null,
  limit: number,
): Promise<CheckedPage> {
  const { entity } = job
  const keys = await reach('target', () => scanKeys(entity, 'target', rangeAfter(after, limit)))
  if (keys.length === 0) return { rows: 0, marked: 0, after: null }
  const rows = await clock.legacy(() => reach('legacy', () => entity.legacy.load(keys)))
  const kept = new Set(rows.filter((row) => hasCounterpart(job, row)).map((row) => entity.keyTextOf('legacy', row)))
  const surplus = keys.filter((key) => !kept.has(keyText(key)))
  await mark(job, clock, surplus)
  return { rows: keys.length, marked: surplus.length, after: keys.length < limit ? null : (keys.at(-1) ?? null) }
}

function hasCounterpart({ entity }: Job, row: unknown): boolean {
  try {
    return translateRow(entity, 'legacy', row) !== null
  } catch (error) {
    // It was quarantined when its chunk was copied; the mirror parks it.
    if (error instanceof TranslationError) return true
    throw error
  }
}
