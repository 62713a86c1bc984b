import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  type BackfillRecord,
  backfillDocument,
  cutKeys,
  JobClaimedError,
  type Key,
  readBackfillDocument,
  shardDocument,
} from '@twinspan/core'
import { isValid, newRecord, openCheckpoint } from '../checkpoint.ts'
import type { Job } from '../job.ts'
import { persist, unclaimed } from '../persist.ts'
import type { BackfillProgress } from '../progress.ts'
import { Outage, reach } from '../reach.ts'
import { createReport } from '../report.ts'
import { createPace } from '../throttle/pace.ts'
import { createClaim, type JobClaim } from './claim.ts'
import type { Layout } from './together.ts'

/**
 * The shards that this backfill goes on with, or `whole` where a single worker copies everything. Whoever comes first cuts
 * them, under the claim of the entity; the others wait for it. `undefined` when it was told to end, or is done.
 */
export async function* layOut(job: Job): AsyncGenerator<BackfillProgress, Layout | 'whole' | undefined> {
  const { migration, settings } = job
  let record = newRecord(migration, job.entity.name)
  const pace = createPace(settings, migration.now, record.chunkRows, job.throttle)
  const report = createReport(job, () => ({ record, counted: 0, pace, shard: null }))

  const found = yield* persist(unclaimed(job), report.paused, () => find(job))
  if (found === undefined) return undefined
  if (found.valid?.done === true && (found.valid.thorough || !settings.thorough)) {
    record = found.valid
    yield report.advanced(0, 0, null)
    return undefined
  }
  if (found.layout !== undefined) return found.layout
  const waiting = { ...job, claim: patient(job.claim) }
  const layout = yield* persist(waiting, report.paused, () => draw(waiting))
  await job.claim.release().catch(() => {})
  return layout
}

interface Found {
  readonly stored: BackfillRecord | undefined
  /** What is stored and still good for anything. */
  readonly valid: BackfillRecord | undefined
  /** Shards that somebody may be at work on, whatever they are good for. */
  readonly open: number
  /** `undefined`: it has to be drawn. */
  readonly layout: Layout | 'whole' | undefined
}

async function find({ migration, entity, settings }: Job): Promise<Found> {
  const stored = await reach('store', () => readBackfillDocument(migration.store, backfillDocument(entity.name)))
  const record = stored?.record
  const valid = record !== undefined && !settings.restart && (await isValid(migration, record)) ? record : undefined
  const open = record?.bounds === undefined ? 0 : record.bounds.length + 1
  return {
    stored: record,
    valid,
    open,
    layout: layoutOf(valid) ?? (open === 0 && isWhole(valid, settings.shards) ? 'whole' : undefined),
  }
}

function layoutOf(record: BackfillRecord | undefined): Layout | undefined {
  if (record?.layout === undefined || record.bounds === undefined) return undefined
  return { id: record.layout, bounds: record.bounds }
}

/** Nothing is asked to be cut, or there is nothing left to cut. */
function isWhole(record: BackfillRecord | undefined, shards: number): boolean {
  return shards === 1 || record?.scanned === true
}

function cut({ entity, settings, claim }: Job, after: Key | null): Promise<readonly Key[]> {
  return cutKeys(entity, 'legacy', {
    shards: settings.shards,
    ...(after === null ? {} : { after }),
    async run(look) {
      await claim.keep()
      return reach('legacy', look)
    },
  })
}

async function draw(job: Job): Promise<Layout | 'whole'> {
  const { migration, entity, settings } = job
  const { stored, valid, open, layout } = await find(job)
  if (layout !== undefined) return layout
  const base = valid ?? newRecord(migration, entity.name)
  const bounds = settings.shards === 1 ? undefined : await cut(job, base.through)
  // Not before: cutting may take longer than a claim lasts.
  const retired = await claimShards(job, open)
  try {
    const drawn = bounds === undefined ? undefined : { layout: randomUUID(), bounds }
    const checkpoint = await openCheckpoint(
      migration,
      backfillDocument(entity.name),
      (now) => {
        // Our claim had run out, and somebody else has drawn.
        if (!isDeepStrictEqual(now, stored))
          throw new Outage('claim', new JobClaimedError(backfillDocument(entity.name)))
        return { ...base, ...drawn }
      },
      () => {},
    )
    await checkpoint.save(checkpoint.record).catch(wait)
    return layoutOf(checkpoint.record) ?? 'whole'
  } finally {
    await Promise.all(retired.map((claim) => claim.release().catch(() => {})))
  }
}

/**
 * Keeps everybody off the shards of a layout that is to be replaced: behind an insert of a worker that died before its
 * comparison, the new workers compare only if they come later.
 *
 * @throws JobClaimedError when one of them is at work
 */
async function claimShards({ migration, entity, settings }: Job, shards: number): Promise<readonly JobClaim[]> {
  const claims = Array.from({ length: shards }, (_, shard) =>
    createClaim(migration, shardDocument(entity.name, shard), settings.claimMs),
  )
  try {
    for (const claim of claims) await claim.keep()
    return claims
  } catch (error) {
    await Promise.all(claims.map((claim) => claim.release().catch(() => {})))
    throw error
  }
}

/** The claim of somebody who can wait for another to end. */
function patient(claim: JobClaim): JobClaim {
  return {
    ...claim,
    keep: () => claim.keep().catch(wait),
  }
}

function wait(error: unknown): never {
  throw error instanceof JobClaimedError ? new Outage('claim', error) : error
}
