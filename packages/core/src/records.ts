import type { Key, KeyPart } from './key.ts'
import type { SideName } from './phases.ts'
import type { Json, MigrationStore } from './state-store.ts'

/**
 * What the backfill of an entity has reached: the document `backfill:<entity>` of the migration's store. Written by
 * `@twinspan/backfill` after each chunk, read by the gates of the switch.
 */
export interface BackfillRecord {
  readonly entity: string
  /** The attempt at the migration that it belongs to. A record of another one counts for nothing. */
  readonly incarnation: string
  /** The epoch in which the first chunk was copied. A stay in `off` after it makes the record worthless. */
  readonly epoch: number
  /** Everything up to and including this key is copied and compared. `null`: nothing yet. */
  readonly through: Key | null
  /** Every range was copied and compared, the open-ended last one included. */
  readonly scanned: boolean
  /**
   * The sides order keys differently, or a legacy row has no counterpart on the target: ranges of keys alone cannot tell
   * which target rows should not be there, and each is checked once more after the last range.
   */
  readonly thorough: boolean
  /** Nothing is left to do. */
  readonly done: boolean
  /** Legacy rows read so far. */
  readonly rows: number
  /** Rows that were absent on the target and are there now. */
  readonly inserted: number
  /** Keys handed to the mirror: those that only the target had, and conflicts of a unique value. */
  readonly marked: number
  /** Rows that could not be copied. Each is a finding of kind `backfill`. */
  readonly quarantined: number
  /** Rows in a chunk when the record was written; a resumed worker starts with it. */
  readonly chunkRows: number
  /** While the history is copied in shards: which layout of shards the record belongs to. Those of another one count for nothing. */
  readonly layout?: string
  /**
   * The shards of an entity's record that is not done: the last key of each but the last shard, which has no end. The first
   * begins after `through`.
   */
  readonly bounds?: readonly Key[]
  /** Milliseconds since 1970, by the clock of the process that wrote it. */
  readonly startedAt: number
  readonly updatedAt: number
}

/**
 * What the last complete sweep of an entity found: the document `sweep:<entity>` of the migration's store. Written by
 * `@twinspan/reconcile` at the end of a sweep, never by one that was interrupted.
 */
export interface SweepRecord extends Partial<SweepRemarks> {
  readonly entity: string
  readonly incarnation: string
  /** The epoch at the first row. A sweep during which the primary changed is not recorded. */
  readonly epoch: number
  /** The side whose rows were taken for the truth. */
  readonly primary: SideName
  /** Milliseconds since 1970, by the clock of the process that swept. */
  readonly startedAt: number
  readonly finishedAt: number
  /** Distinct keys looked at, on either side. */
  readonly rows: number
  /** Keys that differed for good, those that were repaired afterwards included. */
  readonly drift: number
  /** Keys that changed or were dirty for as long as they were watched: neither equal nor drift. */
  readonly undecided: number
  /** Of `drift`: the keys that agreed when they were compared again after the repair. */
  readonly repaired: number
  /** The share of keys that did not drift, 1 for an empty entity. */
  readonly parity: number
  /** The same with undecided keys counted as different. Nothing was sampled, so no other doubt is left. */
  readonly lowerBound95: number
  /** What the keys that drifted have in common, the most frequent first. Never a key or a value. */
  readonly patterns?: readonly DriftPattern[]
  /** Where in the order of the keys they lie: keys that drifted in each of up to 100 stretches with equally many rows. */
  readonly places?: readonly number[]
  /**
   * SHA-256 over the digests of all leaves in key order, where both sides gave the same digest of each at first sight. Names
   * what was compared; another sweep cuts its leaves elsewhere and has another one. Absent where rows were read.
   */
  readonly digest?: string
}

/** What a sweep has to say of how it compared. */
export interface SweepRemarks {
  /** Why rows were read, all of them or from some row on, where digests would have been cheaper. */
  readonly readsRowsBecause: string
  /** What the operator should know: columns that both engines do not write alike, and why. Never a value of the application. */
  readonly warnings: readonly string[]
  /** How many values were the same only because the caller had them normalized, by column. */
  readonly normalized: Readonly<Record<string, number>>
  /** Columns were compared as they are, without the application's translation. */
  readonly raw: boolean
}

/** A way in which keys drifted. */
export interface DriftPattern {
  /** The target's, or after the switch legacy's, column; `null` where the row as a whole is missing or too much. */
  readonly field: string | null
  /** As in findings. */
  readonly reason: string
  readonly keys: number
  /** What was there less what should have been, where that is one number for all of these keys; seconds for instants. */
  readonly offset: number | null
}

export function backfillDocument(entity: string): string {
  return `backfill:${entity}`
}

export function sweepDocument(entity: string): string {
  return `sweep:${entity}`
}

/** Where the record of a shard of an entity's backfill is. */
export function shardDocument(entity: string, shard: number): string {
  return `backfill-shard:${shard}:${entity}`
}

export interface StoredBackfill {
  readonly record: BackfillRecord
  /** For a compare-and-set. */
  readonly version: number
}

/**
 * The record of an entity's backfill with its version for a compare-and-set; `undefined` before the first chunk. While shards
 * are at work, it says what they have reached together.
 */
export async function readBackfillRecord(store: MigrationStore, entity: string): Promise<StoredBackfill | undefined> {
  const found = await readBackfillDocument(store, backfillDocument(entity))
  if (found?.record.bounds === undefined) return found
  return { ...found, record: withShards(found.record, await readBackfillShards(store, found.record)) }
}

/** The record of a backfill, or of one of its shards, as it is stored. */
export async function readBackfillDocument(store: MigrationStore, name: string): Promise<StoredBackfill | undefined> {
  const document = await store.getDocument(name)
  if (document === undefined || document.value === null) return undefined
  const { through, bounds, ...rest } = document.value as unknown as StoredFields
  const record = {
    ...rest,
    through: keyFromJson(through),
    ...(bounds === undefined ? {} : { bounds: bounds.map((bound) => keyFromJson(bound) as Key) }),
  }
  return { record, version: document.version }
}

type StoredFields = Omit<BackfillRecord, 'through' | 'bounds'> & {
  readonly through: Json
  readonly bounds?: readonly Json[]
}

/** The records of the shards that an entity's record names, in the order of their keys; `undefined` where none has begun. */
export function readBackfillShards(
  store: MigrationStore,
  { entity, layout, bounds = [] }: BackfillRecord,
): Promise<readonly (BackfillRecord | undefined)[]> {
  const shards = Array.from({ length: bounds.length + 1 }, async (_, shard) => {
    const found = await readBackfillDocument(store, shardDocument(entity, shard))
    return found?.record.layout === layout ? found?.record : undefined
  })
  return Promise.all(shards)
}

/** What an entity's record and those of its shards say together. `done` stays what it was. */
export function withShards(record: BackfillRecord, shards: readonly (BackfillRecord | undefined)[]): BackfillRecord {
  const begun = shards.filter((shard) => shard !== undefined)
  const sum = (count: (one: BackfillRecord) => number): number =>
    begun.reduce((total, shard) => total + count(shard), count(record))
  return {
    ...record,
    scanned: begun.length === shards.length && begun.every((shard) => shard.scanned),
    thorough: record.thorough || begun.some((shard) => shard.thorough),
    rows: sum((one) => one.rows),
    inserted: sum((one) => one.inserted),
    marked: sum((one) => one.marked),
    quarantined: sum((one) => one.quarantined),
    updatedAt: Math.max(record.updatedAt, ...begun.map((shard) => shard.updatedAt)),
  }
}

/** The record of an entity's last complete sweep; `undefined` before the first. */
export async function readSweepRecord(store: MigrationStore, entity: string): Promise<SweepRecord | undefined> {
  const document = await store.getDocument(sweepDocument(entity))
  return document === undefined || document.value === null ? undefined : (document.value as unknown as SweepRecord)
}

/** A key as JSON that gives back the same type: engines bind `7` and `'7'` differently. */
export function keyToJson(key: Key | null): Json {
  if (key === null) return null
  return typeof key === 'object' ? key.map(partToJson) : partToJson(key)
}

/** The key that `keyToJson` wrote. */
export function keyFromJson(json: Json): Key | null {
  if (json === null) return null
  return Array.isArray(json) ? json.map(partFromJson) : partFromJson(json)
}

function partToJson(part: KeyPart): Json {
  return typeof part === 'bigint' ? { bigint: part.toString() } : part
}

function partFromJson(json: Json): KeyPart {
  if (typeof json === 'object' && json !== null && 'bigint' in json) return BigInt(json['bigint'] as string)
  return json as KeyPart
}
