/** Why the backfill is slower than it could be. */
export type ThrottleReason =
  /** `maxLegacyLoad` is used up. */
  | 'legacy-load'
  /** `health` did not say yes. */
  | 'health'
  /** A side or the store does not answer; tried again until `patienceMs` is over. */
  | 'legacy'
  | 'target'
  | 'store'
  /** A change of phase is under way, or this process cannot tell the phase. */
  | 'phase'
  /** `backfillControl` said so. */
  | 'paused'
  /** Other workers have the shards that are left, or lay them out. */
  | 'claim'

/** Where a backfill stands: one after every chunk and one at every look during a pause. */
export interface BackfillProgress {
  readonly entity: string
  /** Legacy rows read so far, earlier runs included, and those of other shards as known when this one was begun. */
  readonly rows: number
  /** How many there are in all, as far as the store can tell; never less than `rows`. */
  readonly totalRows: number
  /** Rows that were absent on the target and are there now. */
  readonly inserted: number
  /** Keys handed to the mirror: those that only the target had, and conflicts of a unique value. */
  readonly marked: number
  /** Rows that could not be copied. Each is a finding of kind `backfill`, except in a dry run. */
  readonly quarantined: number
  /** Of a dry run: how many rows would fail, by reason. Never a key or a value. */
  readonly problems: Readonly<Record<string, number>>
  /** Rows in the chunk just done, and the time it took; `0` when this is a pause. */
  readonly chunkRows: number
  readonly chunkMs: number
  /** What is left at the present pace of this worker alone, pauses included; `null` while there is no pace yet. */
  readonly etaMs: number | null
  /** The shard at work, counted from 0; `null` where there are none or none is at work. */
  readonly shard: number | null
  readonly throttledBy: ThrottleReason | null
  readonly done: boolean
}
