import type { BackfillRecord, Migration } from '@twinspan/core'
import type { Pace } from './pace.ts'
import type { BackfillProgress, ThrottleReason } from './progress.ts'

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

/** Turns where the backfill stands into progress, and tells the migration's listeners at the same time. */
export function createReport(migration: Migration, standing: () => Standing): Report {
  const make = (chunkRows: number, chunkMs: number, throttledBy: ThrottleReason | null): BackfillProgress => {
    const { record, counted, pace, shard } = standing()
    const { entity, rows, inserted, marked, quarantined, done } = record
    // Legacy shrinks and grows meanwhile; at the end there is no more than what was there.
    const totalRows = done ? rows : Math.max(rows, counted)
    const etaMs = done ? 0 : pace.eta(totalRows - rows)
    migration.events.emit({ type: 'backfill', entity, rows, totalRows, etaMs })
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
      shard,
      throttledBy,
      done,
    }
  }
  return { advanced: make, paused: (reason) => make(0, 0, reason) }
}
