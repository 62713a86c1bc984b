import type { BackfillRecord } from '@twinspan/core'
import type { Job } from './job.ts'
import type { BackfillProgress, ThrottleReason } from './progress.ts'
import type { Eta, Pace } from './throttle/pace.ts'

/** What a progress is made of. */
export interface Standing {
  record: BackfillRecord
  /** Legacy rows, as counted at the start. */
  counted: number
  pace: Pace
  shard: number | null
}

export interface Report {
  /** After a chunk of `rows` rows that took `ms`. */
  advanced(rows: number, ms: number, throttledBy: ThrottleReason | null): BackfillProgress
  paused(reason: ThrottleReason): BackfillProgress
}

export const DONE: Eta = { ms: 0, rangeMs: [0, 0] }

/** Turns where the backfill stands into progress, and tells the migration's listeners at the same time. */
export function createReport(
  { migration, throttle, notes }: Pick<Job, 'migration' | 'throttle' | 'notes'>,
  standing: () => Standing,
): Report {
  const make = (chunkRows: number, chunkMs: number, throttledBy: ThrottleReason | null): BackfillProgress => {
    const { record, counted, pace, shard } = standing()
    const { entity, rows, inserted, marked, quarantined, done } = record
    // Legacy shrinks and grows meanwhile; at the end there is no more than what was there.
    const totalRows = done ? rows : Math.max(rows, counted)
    const eta = done ? DONE : pace.eta(totalRows - rows)
    const etaMs = eta?.ms ?? null
    const status = throttle.status(throttledBy)
    const { by, value, limit, why, forMs } = status
    const held = { by, value, limit, why, forMs }
    notes.note(held)
    migration.events.emit({ type: 'backfill', entity, rows, totalRows, etaMs, throttle: held })
    return {
      entity,
      rows,
      totalRows,
      inserted,
      marked,
      quarantined,
      problems: {},
      chunkRows,
      chunkMs,
      etaMs,
      etaRangeMs: eta?.rangeMs ?? null,
      shard,
      throttledBy,
      throttle: status,
      done,
    }
  }
  return { advanced: make, paused: (reason) => make(0, 0, reason) }
}
