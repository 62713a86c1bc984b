import type { Key } from './key.ts'
import type { SideName } from './phases.ts'
import { keyFromJson, keyToJson, type SweepRecord } from './records.ts'
import type { Json, MigrationStore } from './state-store.ts'

/**
 * A sweep that several workers share: the document `sweep-shards:<entity>` of the migration's store, drawn by the first of them.
 */
export interface SweepLayout {
  readonly entity: string
  /** Counts the sweeps of this entity that were shared, from 1 on. */
  readonly sweep: number
  /** Its record is stored. */
  readonly ended: boolean
  /** Names this cut of the keys. What was found in another one counts for nothing. */
  readonly layout: string
  /** The last key of each but the last shard, which has no end, as the first has no beginning. */
  readonly bounds: readonly Key[]
  readonly incarnation: string
  readonly epoch: number
  readonly primary: SideName
  /** Milliseconds since 1970, by the clock of the process that drew it, before the first row was read. */
  readonly startedAt: number
}

/** What was found in one shard: the document `sweep-shard:<shard>:<entity>`, written when the shard is swept. */
export interface SweepShardRecord
  extends Pick<
    SweepRecord,
    | 'drift'
    | 'undecided'
    | 'repaired'
    | 'patterns'
    | 'places'
    | 'readsRowsBecause'
    | 'warnings'
    | 'normalized'
    | 'finishedAt'
  > {
  readonly layout: string
  /** Rows of the primary. */
  readonly rows: number
  /** Keys that only the secondary has. */
  readonly extra: number
  /** The subjects of its findings, as far as they are stored. */
  readonly subjects: readonly string[]
}

export function sweepShardsDocument(entity: string): string {
  return `sweep-shards:${entity}`
}

export function sweepShardDocument(entity: string, shard: number): string {
  return `sweep-shard:${shard}:${entity}`
}

export interface StoredSweepLayout {
  readonly layout: SweepLayout
  /** For a compare-and-set. */
  readonly version: number
}

/** The shared sweep of an entity that is under way, or the last one that was; `undefined` before the first. */
export async function readSweepLayout(store: MigrationStore, entity: string): Promise<StoredSweepLayout | undefined> {
  const document = await store.getDocument(sweepShardsDocument(entity))
  if (document === undefined || document.value === null) return undefined
  const { bounds, ...rest } = document.value as unknown as Omit<SweepLayout, 'bounds'> & { readonly bounds: Json[] }
  return { layout: { ...rest, bounds: bounds.map((bound) => keyFromJson(bound) as Key) }, version: document.version }
}

export function sweepLayoutToJson({ bounds, ...rest }: SweepLayout): Json {
  return { ...rest, bounds: bounds.map(keyToJson) }
}

/** What was found in each shard, in the order of the keys; `undefined` where nobody has come to the end. */
export function readSweepShards(
  store: MigrationStore,
  { entity, layout, bounds }: SweepLayout,
): Promise<readonly (SweepShardRecord | undefined)[]> {
  const shards = Array.from({ length: bounds.length + 1 }, async (_, shard) => {
    const document = await store.getDocument(sweepShardDocument(entity, shard))
    const record = document?.value as SweepShardRecord | null | undefined
    return record?.layout === layout ? record : undefined
  })
  return Promise.all(shards)
}

/**
 * The number of the sweep that workers should share next: of the one that is under way, else of a new one. Jobs that carry it do
 * nothing once that sweep has ended, however late they come.
 */
export async function nextSweep(store: MigrationStore, entity: string): Promise<number> {
  const found = await readSweepLayout(store, entity)
  if (found === undefined) return 1
  return found.layout.sweep + (found.layout.ended ? 1 : 0)
}
