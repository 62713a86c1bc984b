import { backfillDocument, type Entity, InvalidOptionError, type Migration } from '@twinspan/core'
import { copyWhole } from './copy-whole.ts'
import { dryRun } from './dry-run.ts'
import type { Job } from './job.ts'
import { type BackfillOptions, liveSettingsOf, type Settings, settingsOf } from './options.ts'
import { assertAllowed } from './persist.ts'
import type { BackfillProgress } from './progress.ts'
import { createClaim } from './shards/claim.ts'
import { copyShards } from './shards/copy-shards.ts'
import { layOut } from './shards/lay-out.ts'
import { createNoteTaker } from './throttle/take-note.ts'
import { createThrottle } from './throttle/throttle.ts'

/**
 * Copies the rows that legacy has and the target lacks, chunk by chunk, beside live traffic. Never overwrites what is there,
 * goes on where an earlier run ended, and hands every key that it cannot settle to the mirror.
 *
 * The iteration ends when everything is done (`done: true` in the last progress) or after the chunk at work when `signal`
 * aborts. Breaking out of the loop is safe too.
 *
 * @throws PhaseRefusedError outside of `dual-write` to `canary`; JobClaimedError while another worker is at it, with `shards`
 * only where that worker copies without shards, restarts, or has the `shard` that was asked for;
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
    own: liveSettingsOf(given),
    end: () => stop.abort(),
    claim,
    throttle: createThrottle({ migration, entity, settings }),
    notes: createNoteTaker(migration, entity),
    shard: null,
    track(work) {
      working = work
      return work
    },
  }
  try {
    yield* given.dryRun ? dryRun(job) : copyAll(job)
  } finally {
    await job.notes.end()
    await claim.release().catch(() => {})
  }
}

async function* copyAll(job: Job): AsyncGenerator<BackfillProgress> {
  const layout = yield* layOut(job)
  if (layout === undefined) return
  yield* layout === 'whole' ? copyWhole(job) : copyShards(job, layout)
}
