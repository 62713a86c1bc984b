import type { Key, KeyRange, TextColumns } from '@twinspan/core'
import type { Job } from '../job.ts'
import { reach } from '../reach.ts'
import type { ChunkClock } from '../throttle/pace.ts'
import type { Stretch } from './compare-range.ts'
import type { TextPlan } from './text-road.ts'

/** What legacy holds in a stretch, before anything was done with it. */
export interface ReadChunk {
  readonly stretch: Stretch
  /** Nothing of the range is left behind it. */
  readonly isLast: boolean
  /** How many rows were asked for. */
  readonly limit: number
  /** The epoch in which it was read: rows of an earlier one may be older than writes that nobody captured. */
  readonly epoch: number
  /** The rows, or their values as text, column by column. */
  readonly rows: readonly unknown[]
  readonly texts?: TextColumns
}

/** Reads the rows after a key: as text where there is a plan for it and they can be had so. */
export async function readChunk(
  job: Job,
  clock: ChunkClock,
  after: Key | null,
  limit: number,
  plan: TextPlan | undefined,
): Promise<ReadChunk> {
  const { epoch } = job.migration.snapshot
  const read = plan === undefined ? undefined : await readTexts(job, clock, after, limit, plan)
  return { ...(read ?? (await readRows(job, clock, after, limit))), limit, epoch }
}

type Read = Omit<ReadChunk, 'limit' | 'epoch'>

async function readRows(job: Job, clock: ChunkClock, after: Key | null, limit: number): Promise<Read> {
  const { entity } = job
  const end = job.shard?.through ?? null
  const range: KeyRange = { ...rangeAfter(after, limit), ...(end === null ? {} : { through: end }) }
  const rows = await clock.legacy(() => reach('legacy', () => entity.legacy.scan(range)))
  const isLast = rows.length < limit
  return { stretch: { after, through: isLast ? end : entity.keyOf('legacy', rows.at(-1)) }, isLast, rows }
}

async function readTexts(
  job: Job,
  clock: ChunkClock,
  after: Key | null,
  limit: number,
  { legacy: columns }: TextPlan,
): Promise<Read | undefined> {
  const { legacy } = job.entity
  const end = job.shard?.through ?? null
  const open = { ...(after === null ? {} : { after }), ...(end === null ? {} : { through: end }) }
  return clock.legacy(() =>
    reach('legacy', async () => {
      // The end first: whatever stands in the stretch by then is read, in whatever order.
      const last = await legacy.keyAt?.(open, limit)
      const texts = await legacy.bulk?.readTexts?.(last === undefined ? open : { ...open, through: last }, columns)
      if (texts === undefined) return undefined
      return { stretch: { after, through: last ?? end }, isLast: last === undefined, rows: [], texts }
    }),
  )
}

export function rangeAfter(after: Key | null, limit: number): { readonly after?: Key; readonly limit: number } {
  return after === null ? { limit } : { after, limit }
}
