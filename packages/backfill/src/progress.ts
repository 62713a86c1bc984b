import type { GovernedInput } from './throttle/governor.ts'

/** Why the backfill is slower than it could be. */
export type ThrottleReason =
  /** `maxLegacyLoad` is used up. */
  | 'legacy-load'
  /** A value is over its limit, or was a moment ago and the pace is not back yet; a `replica-lag` that is lost stops the backfill. */
  | GovernedInput
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

/** One of those who have to bear the backfill, as last looked at. Milliseconds; of `legacy-load` a share of the time. */
export interface ThrottleInput {
  readonly input: 'legacy-load' | GovernedInput
  /** `null`: not known yet. */
  readonly value: number | null
  /** What `value` must not exceed; `null` while the baseline of legacy is not known. */
  readonly limit: number | null
  /** `lost`: it could not be read, and nothing is copied until it can. */
  readonly state: 'good' | 'over' | 'lost'
  /** Of one that is lost: why. Never a value of a row. */
  readonly why: string | null
}

/** What holds this worker back, and everything that could. */
export interface ThrottleStatus {
  /** The share of its full speed at which the backfill works, from 1/16 to 1, pauses not counted. */
  readonly pace: number
  /** The same as `throttledBy`. */
  readonly by: ThrottleReason | null
  /** What was read of `by`, and what it must not exceed; `null` where it is no number. */
  readonly value: number | null
  readonly limit: number | null
  /** Of a signal that is lost: why. */
  readonly why: string | null
  /** For how long `by` has held it back without a break, in milliseconds. */
  readonly forMs: number
  readonly inputs: readonly ThrottleInput[]
}

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
  /**
   * The least and the most that it will take, in milliseconds: 95 in 100 such estimates hold if the chunks to come vary as the
   * last ones did. `null` where `etaMs` is.
   */
  readonly etaRangeMs: readonly [least: number, most: number] | null
  /** The shard at work, counted from 0; `null` where there are none or none is at work. */
  readonly shard: number | null
  readonly throttledBy: ThrottleReason | null
  readonly throttle: ThrottleStatus
  readonly done: boolean
}
