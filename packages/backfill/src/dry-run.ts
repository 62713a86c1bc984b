import { copyOptions, type Key, PhaseRefusedError, redact, TranslationError, translateRow } from '@twinspan/core'
import { rangeAfter } from './chunk/read-chunk.ts'
import type { Job } from './job.ts'
import { closedGate, rest } from './persist.ts'
import type { BackfillProgress, ThrottleReason } from './progress.ts'
import { Outage } from './reach.ts'
import { DONE } from './report.ts'
import { NO_CLAIM } from './shards/claim.ts'
import { createPace } from './throttle/pace.ts'

const LOOK_AGAIN_MS = 1_000

/** What a row would fail with, where its key is free and another row holds one of its unique values. */
const UNIQUE = 'another row holds one of its unique values'

/** Thrown by us alone, so that what was tried is taken back. */
class TakeBack extends Error {}

/**
 * Reads and translates every row and inserts it into the target in transactions that are rolled back. Writes nothing: no row,
 * no checkpoint, no finding. Says by reason how many rows would fail.
 *
 * Rows of different chunks are never in the target at the same time, so that two of them that collide are not seen.
 */
export async function* dryRun(job: Job): AsyncGenerator<BackfillProgress> {
  const { migration, entity, settings } = job
  const { phase, plan } = migration.snapshot
  if (plan.primary !== 'legacy') {
    throw new PhaseRefusedError(
      migration.name,
      phase,
      phase,
      'a dry run reads legacy, which is not the primary any more',
    )
  }
  const counted = (await entity.legacy.count?.())?.rows ?? 0
  const pace = createPace(settings, migration.now, 500, job.throttle)
  const problems: Record<string, number> = {}
  let rows = 0
  let failed = 0
  const report = (
    chunk: { readonly rows: number; readonly ms: number; readonly throttledBy: ThrottleReason | null },
    done: boolean,
  ): BackfillProgress => {
    const totalRows = done ? rows : Math.max(rows, counted)
    const eta = done ? DONE : pace.eta(totalRows - rows)
    return {
      entity: entity.name,
      rows,
      totalRows,
      inserted: 0,
      marked: 0,
      quarantined: failed,
      problems: { ...problems },
      chunkRows: chunk.rows,
      chunkMs: chunk.ms,
      etaMs: eta?.ms ?? null,
      etaRangeMs: eta?.rangeMs ?? null,
      shard: null,
      throttledBy: chunk.throttledBy,
      throttle: job.throttle.status(chunk.throttledBy),
      done,
    }
  }
  for (let after: Key | null = null; ; ) {
    if (settings.signal.aborted) return
    const lost = (await closedGate(job)) ?? (await lookOrFail(job))
    if (lost !== null) {
      yield report({ rows: 0, ms: 0, throttledBy: lost }, false)
      await rest({ ...job, claim: NO_CLAIM }, LOOK_AGAIN_MS)
      continue
    }
    const limit = pace.chunkRows
    const clock = pace.chunk()
    const from: Key | null = after
    const page = await job.throttle.working(async () => {
      const read = await clock.legacy(() => entity.legacy.scan(rangeAfter(from, limit)))
      for (const reason of await tryRows(job, read)) {
        problems[reason] = (problems[reason] ?? 0) + 1
        failed += 1
      }
      return read
    })
    rows += page.length
    const done = page.length < limit
    const { ms, restMs, throttledBy } = clock.end(page.length, limit)
    yield report({ rows: page.length, ms, throttledBy }, done)
    if (done) return
    after = entity.keyOf('legacy', page.at(-1))
    await rest({ ...job, claim: NO_CLAIM }, restMs)
  }
}

/** Nobody is patient here: a legacy that does not answer ends a dry run. */
async function lookOrFail({ throttle }: Job): Promise<ThrottleReason | null> {
  try {
    return await throttle.look()
  } catch (error) {
    throw error instanceof Outage ? error.cause : error
  }
}

/** Why rows would fail, one reason for each. */
async function tryRows({ entity, migration }: Job, legacyRows: readonly unknown[]): Promise<readonly string[]> {
  const reasons: string[] = []
  const rows: unknown[] = []
  for (const row of legacyRows) {
    try {
      const translated = translateRow(entity, 'legacy', row)
      if (translated !== null) rows.push(translated)
    } catch (error) {
      if (!(error instanceof TranslationError)) throw error
      reasons.push(redact(error))
    }
  }
  const { target } = migration.sides
  // What cannot be taken back is not tried.
  if (target.opaque === undefined) reasons.push(...(await tryInserts(rows)))
  return reasons

  async function tryInserts(some: readonly unknown[]): Promise<readonly string[]> {
    if (some.length === 0) return []
    try {
      const conflicts = await insertAndTakeBack(some)
      return Array.from({ length: conflicts }, () => UNIQUE)
    } catch (error) {
      // A target that does not answer says nothing about rows.
      await target.fence.read()
      if (some.length === 1) return [redact(error)]
      const middle = some.length >> 1
      return [...(await tryInserts(some.slice(0, middle))), ...(await tryInserts(some.slice(middle)))]
    }
  }

  async function insertAndTakeBack(some: readonly unknown[]): Promise<number> {
    let conflicts = 0
    try {
      await target.copy({ stripes: [], epoch: migration.snapshot.epoch }, async (copy) => {
        const options = copyOptions(copy)
        if (entity.target.insertMissing === undefined) await entity.target.save(some, options)
        else conflicts = (await entity.target.insertMissing(some, options)).conflicts.length
        throw new TakeBack()
      })
    } catch (error) {
      if (!(error instanceof TakeBack)) throw error
    }
    return conflicts
  }
}
