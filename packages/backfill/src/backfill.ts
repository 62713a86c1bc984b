import { backfillDocument, type Entity, InvalidOptionError, type Key, type Migration } from '@twinspan/core'
import { checkTargetPage } from './check-target.ts'
import { type Checkpoint, newRecord, openCheckpoint } from './checkpoint.ts'
import { createClaim } from './claim.ts'
import { copyChunk } from './copy-chunk.ts'
import { dryRun } from './dry-run.ts'
import type { Job } from './job.ts'
import { type BackfillOptions, type Settings, settingsOf } from './options.ts'
import { type ChunkCost, createPace, type Pace } from './pace.ts'
import { assertAllowed, persist, rest } from './persist.ts'
import type { BackfillProgress } from './progress.ts'
import { reach } from './reach.ts'
import { createReport, type Report } from './report.ts'

/**
 * Copies the rows that legacy has and the target lacks, chunk by chunk, beside live traffic. Never overwrites what is there,
 * goes on where an earlier run ended, and hands every key that it cannot settle to the mirror.
 *
 * The iteration ends when everything is done (`done: true` in the last progress) or after the chunk at work when `signal`
 * aborts. Breaking out of the loop is safe too.
 *
 * @throws PhaseRefusedError outside of `dual-write` to `canary`; JobClaimedError while another worker is at it;
 * ErrorBudgetError when too many rows fail
 */
export function backfill(
  migration: Migration,
  entity: Entity,
  options: BackfillOptions = {},
): AsyncIterableIterator<BackfillProgress> {
  const settings = settingsOf(options)
  if (!migration.entities.some((known) => known.name === entity.name)) {
    throw new InvalidOptionError('entity', entity.name, `an entity of migration "${migration.name}"`)
  }
  return run(migration, entity, settings)
}

async function* run(migration: Migration, entity: Entity, given: Settings): AsyncGenerator<BackfillProgress> {
  if (!given.dryRun) assertAllowed(migration)
  const stop = new AbortController()
  let working: Promise<unknown> = Promise.resolve()
  migration.onStop(async () => {
    stop.abort()
    await working.catch(() => {})
  })
  const settings = { ...given, signal: AbortSignal.any([given.signal, stop.signal]) }
  const claim = createClaim(migration, backfillDocument(entity.name), settings.claimMs)
  const job: Job = {
    migration,
    entity,
    settings,
    claim,
    track(work) {
      working = work
      return work
    },
  }
  try {
    yield* given.dryRun ? dryRun(job) : copyEverything(job)
  } finally {
    await claim.release().catch(() => {})
  }
}

async function* copyEverything(job: Job): AsyncGenerator<BackfillProgress> {
  const { migration, entity, settings } = job
  let record = newRecord(migration, entity.name)
  let counted = 0
  let pace = createPace(settings, migration.now, record.chunkRows)
  const report = createReport(migration, () => ({ record, counted, pace }))

  const checkpoint = yield* persist(job, report.paused, async () => {
    const count = await reach('legacy', async () => entity.legacy.count?.())
    counted = count?.rows ?? 0
    return openCheckpoint(migration, record, settings, (saved) => {
      record = saved
    })
  })
  if (checkpoint === undefined) return
  pace = createPace(settings, migration.now, record.chunkRows)

  if (record.done) yield report.advanced(0, 0, null)
  while (!record.scanned) {
    const chunk = yield* persist(job, report.paused, () => copyNext(job, checkpoint, pace))
    if (chunk === undefined) return
    yield report.advanced(chunk.rows, chunk.ms, chunk.restMs > 0 ? 'legacy-load' : null)
    if (!record.done) await rest(job, chunk.restMs)
  }
  if (!record.done) yield* checkTarget(job, checkpoint, pace, report)
}

async function copyNext(job: Job, checkpoint: Checkpoint, pace: Pace): Promise<ChunkCost & { readonly rows: number }> {
  const limit = pace.chunkRows
  const clock = pace.chunk()
  try {
    const { rows, next } = await copyChunk(job, clock, checkpoint.record, limit)
    await checkpoint.save({ ...next, chunkRows: limit })
    return { rows, ...clock.end(rows, limit) }
  } catch (error) {
    pace.shrink()
    throw error
  }
}

/** The last pass where ranges of keys cannot tell everything. A crash repeats it. */
async function* checkTarget(
  job: Job,
  checkpoint: Checkpoint,
  pace: Pace,
  report: Report,
): AsyncGenerator<BackfillProgress> {
  let after: Key | null = null
  let marked = checkpoint.record.marked
  for (;;) {
    const from: Key | null = after
    const page = yield* persist(job, report.paused, async () => {
      const clock = pace.chunk()
      const checked = await checkTargetPage(job, clock, from, pace.chunkRows)
      if (checked.after === null) {
        await checkpoint.save({
          ...checkpoint.record,
          marked: marked + checked.marked,
          done: true,
          updatedAt: job.migration.now(),
        })
      }
      return { ...checked, ...clock.end(checked.rows, pace.chunkRows) }
    })
    if (page === undefined) return
    marked += page.marked
    yield report.advanced(page.rows, page.ms, page.restMs > 0 ? 'legacy-load' : null)
    if (page.after === null) return
    after = page.after
    await rest(job, page.restMs)
  }
}
