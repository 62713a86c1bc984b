import {
  backfillDocument,
  type Migration,
  readBackfillDocument,
  readBackfillShards,
  readSweepLayout,
  readSweepRecord,
  readSweepShards,
  withShards,
} from '@twinspan/core'
import type { BossLike, JobState } from './boss-like.ts'
import { type Kind, taskOf } from './task.ts'

/** Where an entity stands. */
export interface BossProgress {
  readonly entity: string
  /** Legacy rows read so far. */
  readonly rows: number
  /** Rows that could not be copied. */
  readonly quarantined: number
  /** Stretches of the keys; 0 of 0 while nothing is cut, and after the end. */
  readonly shards: { readonly copied: number; readonly total: number }
  /** The backfill is done. */
  readonly done: boolean
  /** Stretches of the keys in the sweep that is under way, and the rows in those that are swept; 0 of 0 while there is none. */
  readonly sweep: { readonly swept: number; readonly total: number; readonly rows: number }
  /** When the last complete sweep ended, in milliseconds since 1970. */
  readonly sweptAt: number | null
  /** Jobs that pg-boss still keeps, by their state. */
  readonly jobs: Readonly<Record<Kind, JobCounts>>
}

type JobCounts = Readonly<Partial<Record<JobState, number>>>

/** The most that pg-boss lists at once. */
const MOST_JOBS = 100_000

export async function readProgress(
  boss: BossLike,
  migration: Migration,
  queueOf: (kind: Kind) => Promise<string>,
): Promise<readonly BossProgress[]> {
  const counts = {
    backfill: await countJobs(boss, await queueOf('backfill')),
    sweep: await countJobs(boss, await queueOf('sweep')),
  }
  return Promise.all(
    migration.entities.map(async ({ name }) => {
      const main = (await readBackfillDocument(migration.store, backfillDocument(name)))?.record
      const isCut = main?.bounds !== undefined
      const shards = isCut ? await readBackfillShards(migration.store, main) : []
      const record = main === undefined ? undefined : isCut ? withShards(main, shards) : main
      return {
        entity: name,
        rows: record?.rows ?? 0,
        quarantined: record?.quarantined ?? 0,
        shards: { copied: shards.filter((shard) => shard?.scanned === true).length, total: shards.length },
        done: record?.done ?? false,
        sweep: await readSweep(migration, name),
        sweptAt: (await readSweepRecord(migration.store, name))?.finishedAt ?? null,
        jobs: { backfill: counts.backfill.get(name) ?? {}, sweep: counts.sweep.get(name) ?? {} },
      }
    }),
  )
}

async function readSweep({ store }: Migration, entity: string): Promise<BossProgress['sweep']> {
  const found = await readSweepLayout(store, entity)
  if (found === undefined || found.layout.ended) return { swept: 0, total: 0, rows: 0 }
  const shards = await readSweepShards(store, found.layout)
  const swept = shards.filter((shard) => shard !== undefined)
  return { swept: swept.length, total: shards.length, rows: swept.reduce((sum, { rows }) => sum + rows, 0) }
}

async function countJobs(boss: BossLike, queue: string): Promise<ReadonlyMap<string, JobCounts>> {
  const counts = new Map<string, Partial<Record<JobState, number>>>()
  for (const { data, state } of await boss.findJobs(queue, { limit: MOST_JOBS })) {
    const entity = taskOf(data)?.entity
    if (entity === undefined) continue
    const count = counts.get(entity) ?? {}
    counts.set(entity, { ...count, [state]: (count[state] ?? 0) + 1 })
  }
  return counts
}
