import type { Entity, Key, Migration } from '@twinspan/core'
import { keyText } from '@twinspan/core'
import type { LiveOptions, Settings } from './options.ts'
import { reach } from './reach.ts'
import type { JobClaim } from './shards/claim.ts'
import type { ChunkClock } from './throttle/pace.ts'
import type { NoteTaker } from './throttle/take-note.ts'
import type { Throttle } from './throttle/throttle.ts'

/** What every step of one backfill works with. */
export interface Job {
  readonly migration: Migration
  readonly entity: Entity
  /** As they hold now: those that a worker was given, and above them what the control says. */
  readonly settings: Settings
  /** As this worker was given them. */
  readonly own: Required<LiveOptions>
  /** Tells this worker to end after the chunk at work. */
  readonly end: () => void
  readonly claim: JobClaim
  readonly throttle: Throttle
  readonly notes: NoteTaker
  /** The part of the key space that `claim` is for; `null`: all of it. */
  readonly shard: Shard | null
  /** Lets `migration.stop()` wait for the end of what is at work. */
  track<T>(work: Promise<T>): Promise<T>
}

/** A stretch of the key space with a claim and a checkpoint of its own. */
export interface Shard {
  readonly index: number
  /** Its last key; `null`: it has no end. */
  readonly through: Key | null
  /** Rows that could not be copied, in the other shards, as far as this worker knows. */
  readonly quarantinedElsewhere: number
}

/** Whether legacy may be busy with this all of the time, so that things may be done side by side. */
export function takesAllOfLegacy({ settings }: Job): boolean {
  return settings.maxLegacyLoad === 1
}

const MARKS_AT_ONCE = 1_000

/** Hands keys to the mirror, which re-reads them on legacy. */
export async function mark({ migration, entity }: Job, clock: ChunkClock, keys: readonly Key[]): Promise<void> {
  const texts = Array.from(new Set(keys.map(keyText)))
  for (let from = 0; from < texts.length; from += MARKS_AT_ONCE) {
    const batch = texts.slice(from, from + MARKS_AT_ONCE)
    const marks = batch.map((key) => ({ entity: entity.name, key }))
    await clock.legacy(() => reach('legacy', () => migration.sides.legacy.journal.mark(marks)))
    migration.events.emit({ type: 'dirty', entity: entity.name, keys: batch })
  }
}
