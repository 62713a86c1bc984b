import {
  type Copy,
  copyOptions,
  type DigestColumn,
  type Entity,
  type InsertOutcome,
  type Key,
  keyText,
  redact,
  stripeOf,
  type TextColumns,
  TwinspanError,
} from '@twinspan/core'
import type { Job } from '../job.ts'
import { Outage, outageOf } from '../reach.ts'
import type { Stretch } from './compare-range.ts'

export interface BrokenRow {
  readonly key: Key
  /** Redacted. */
  readonly why: string
}

export interface ChunkInserts {
  readonly inserted: number
  readonly conflicts: readonly Key[]
  readonly broken: readonly BrokenRow[]
}

/**
 * Inserts the rows that the target lacks, in one transaction. When that fails and the target is well, the rows are halved
 * until the one that is at fault stands alone.
 *
 * @param epoch the one in which the rows were read: in a later one, they may be older than writes that nobody captured
 */
export async function insertChunk(job: Job, epoch: number, rows: readonly unknown[]): Promise<ChunkInserts> {
  if (rows.length === 0) return { inserted: 0, conflicts: [], broken: [] }
  let failure: unknown
  // A row that stands alone gets a second try: the first may have lost a deadlock.
  for (let tries = rows.length === 1 ? 2 : 1; tries > 0; tries--) {
    try {
      return { ...(await insertOnce(job, epoch, rows)), broken: [] }
    } catch (error) {
      await assertRowsAreAtFault(job, epoch, error)
      failure = error
    }
  }
  if (rows.length === 1) {
    const row = { key: job.entity.keyOf('target', rows[0]), why: redact(failure) }
    return { inserted: 0, conflicts: [], broken: [row] }
  }
  const middle = rows.length >> 1
  const first = await insertChunk(job, epoch, rows.slice(0, middle))
  const second = await insertChunk(job, epoch, rows.slice(middle))
  return {
    inserted: first.inserted + second.inserted,
    conflicts: [...first.conflicts, ...second.conflicts],
    broken: [...first.broken, ...second.broken],
  }
}

/** The same for rows that were read as text. `undefined` where the target does not take them so: they have to go one by one. */
export async function insertTexts(
  job: Job,
  epoch: number,
  { after, through }: Stretch,
  texts: TextColumns,
  columns: readonly DigestColumn[],
): Promise<ChunkInserts | undefined> {
  const stretch = { ...(after === null ? {} : { after }), ...(through === null ? {} : { through }) }
  const { bulk } = job.entity.target
  try {
    const outcome = await inCopy(job, epoch, [], async (copy) =>
      bulk?.insertTexts?.(stretch, texts, columns, copyOptions(copy)),
    )
    return outcome === undefined ? undefined : { ...outcome, broken: [] }
  } catch (error) {
    await assertRowsAreAtFault(job, epoch, error)
    return undefined
  }
}

/** Throws unless the target takes transactions of ours: then the rows were not to blame. */
async function assertRowsAreAtFault(job: Job, epoch: number, error: unknown): Promise<void> {
  if (error instanceof Outage || error instanceof TwinspanError) throw outageOf('target', error) ?? error
  try {
    await inCopy(job, epoch, [], async () => {})
  } catch {
    throw new Outage('target', error)
  }
}

async function insertOnce(job: Job, epoch: number, rows: readonly unknown[]): Promise<InsertOutcome> {
  const { target } = job.entity
  const { opaque } = job.migration.sides.target
  if (target.insertMissing !== undefined && opaque === undefined) {
    return inCopy(job, epoch, [], (copy) => insertMissing(job.entity, rows, copy))
  }
  const keys = rows.map((row) => job.entity.keyOf('target', row))
  const stripes = Array.from(new Set(keys.map((key) => stripeOf(keyText(key))))).sort((a, b) => a - b)
  // The version of a copy is greater than that of an earlier one only for keys whose stripes it holds.
  if (target.insertMissing !== undefined)
    return inCopy(job, epoch, stripes, (copy) => insertMissing(job.entity, rows, copy))
  // Without an insert that leaves what is there alone, the keys' stripes keep the mirror away between look and write.
  return inCopy(job, epoch, stripes, async (copy) => {
    const options = copyOptions(copy)
    const present = await target.load(keys, options)
    const taken = new Set(present.map((row) => job.entity.keyTextOf('target', row)))
    const absent = rows.filter((row) => !taken.has(job.entity.keyTextOf('target', row)))
    if (absent.length > 0) await target.save(absent, options)
    return { inserted: absent.length, conflicts: [] }
  })
}

async function insertMissing(entity: Entity, rows: readonly unknown[], copy: Copy): Promise<InsertOutcome> {
  const outcome = await entity.target.insertMissing?.(rows, copyOptions(copy))
  return outcome ?? { inserted: 0, conflicts: [] }
}

async function inCopy<T>(
  job: Job,
  epoch: number,
  stripes: readonly number[],
  work: (copy: Copy) => Promise<T>,
): Promise<T> {
  await job.claim.keep()
  const request = { stripes, epoch, timeoutMs: job.claim.transactionMs }
  return job.throttle.committing((worked) =>
    job.migration.sides.target.copy(request, (copy) => {
      job.claim.assertOutlives()
      return work(copy).finally(worked)
    }),
  )
}
