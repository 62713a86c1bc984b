import { type Migration, PhaseRefusedError, within } from '@twinspan/core'
import { followControl } from './control.ts'
import type { Job } from './job.ts'
import type { BackfillProgress, ThrottleReason } from './progress.ts'
import { Outage } from './reach.ts'
import { NO_CLAIM } from './shards/claim.ts'

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000

/**
 * Runs `work` until it succeeds, yielding a progress at every look while something stands in the way. `undefined` when the
 * backfill was told to end.
 *
 * @throws PhaseRefusedError when the migration went back; the outage's cause when patience is over; whatever is no outage
 */
export async function* persist<T>(
  job: Job,
  paused: (reason: ThrottleReason) => BackfillProgress,
  work: () => Promise<T>,
): AsyncGenerator<BackfillProgress, T | undefined> {
  const { signal, patienceMs } = job.settings
  let pauseMs = FIRST_PAUSE_MS
  let waitedMs = 0
  for (;;) {
    if (signal.aborted) return undefined
    let reason = await closedGate(job)
    if (reason === null) {
      assertAllowed(job.migration)
      try {
        await job.claim.keep()
        const order = await followControl(job)
        if (order === 'cancel') {
          job.end()
          return undefined
        }
        // Whoever holds no claim only looks at the store.
        const watched = job.claim !== NO_CLAIM
        reason = order === 'pause' ? 'paused' : watched ? await job.throttle.look() : null
        if (reason === null) return await job.track(watched ? job.throttle.working(work) : work())
      } catch (error) {
        if (error === signal.reason && signal.aborted) return undefined
        if (!(error instanceof Outage)) throw error
        if (waitedMs >= patienceMs) throw error.cause
        // By an older epoch than the fence's: the next try goes by the new one, if it may go at all.
        if (error.place === 'phase') await job.migration.refresh().catch(() => {})
        waitedMs += pauseMs
        reason = error.place
      }
    }
    yield paused(reason)
    await wait(job, pauseMs)
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)
  }
}

/** For looks at the store alone, which need no claim and ask nobody how legacy is. */
export function unclaimed(job: Job): Job {
  const { health: _health, ...settings } = job.settings
  return { ...job, settings, claim: NO_CLAIM }
}

/** Leaves legacy alone for a while after a chunk. Keeps the claim meanwhile, and ends early when the backfill is told to. */
export async function rest(job: Job, ms: number): Promise<void> {
  if (ms > 0) await job.throttle.resting(() => wait(job, ms))
}

async function wait(job: Job, ms: number): Promise<void> {
  const { migration, settings, claim } = job
  // The migration's own timers keep no process alive, and nothing else may be open while we wait.
  const alive = setInterval(() => {}, 60_000)
  try {
    for (let left = ms; left > 0 && !settings.signal.aborted; ) {
      const slice = Math.min(left, settings.claimMs / 4)
      await migration.sleep(slice, settings.signal).catch(() => {})
      left -= slice
      // A store that is out of reach is met again, patiently, by the next chunk.
      if (left > 0) await claim.keep().catch((error) => (error instanceof Outage ? undefined : Promise.reject(error)))
    }
  } finally {
    clearInterval(alive)
  }
}

export function assertAllowed(migration: Migration): void {
  const { phase, plan } = migration.snapshot
  if (plan.primary === 'legacy' && plan.mirrorsTo === 'target') return
  throw new PhaseRefusedError(
    migration.name,
    phase,
    plan.primary === 'legacy' ? 'dual-write' : phase,
    'a backfill needs every process to capture and legacy to be primary, which is so from dual-write to canary',
  )
}

/** What forbids the next chunk. Fails closed: what cannot be known forbids it. */
export async function closedGate({ migration, settings }: Job): Promise<ThrottleReason | null> {
  const { stale, switching } = migration.snapshot
  if (stale || switching) return 'phase'
  const { health, healthTimeoutMs } = settings
  if (health === undefined) return null
  try {
    return (await within(healthTimeoutMs, 'health', async () => health())) === true ? null : 'health'
  } catch {
    return 'health'
  }
}
