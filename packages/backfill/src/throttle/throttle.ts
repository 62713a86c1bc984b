import type { Key } from '@twinspan/core'
import type { Job } from '../job.ts'
import type { ThrottleInput, ThrottleReason, ThrottleStatus } from '../progress.ts'
import { createGovernor, type GovernedInput, type Reading } from './governor.ts'
import { beginLoopLag, type LoopLag } from './loop-lag.ts'
import { createLegacyWatch } from './watch-legacy.ts'
import { createReplicaWatch } from './watch-replicas.ts'

const LOOP_RESOLUTION_MS = 10

/** Looks at those who have to bear a backfill, and says how fast it may be. */
export interface Throttle {
  /** The share of its full speed, and the share of its full size, that a chunk has: as `Governor` has them. */
  readonly pace: number
  readonly size: number
  /** What holds the backfill back after a chunk, if something does. */
  readonly cause: ThrottleReason | null
  /** A key that was there a moment ago, for the reads of legacy. */
  near(key: Key | null): void
  /**
   * Takes a fresh reading of every signal, before a chunk. Fails closed: returns the one that is lost.
   *
   * @throws Outage when legacy does not answer a point read
   */
  look(): Promise<ThrottleReason | null>
  /** Runs a chunk, and looks how it is borne. */
  working<T>(work: () => Promise<T>): Promise<T>
  /** Leaves everybody alone, and looks what legacy is like then. */
  resting<T>(work: () => Promise<T>): Promise<T>
  /** Runs a transaction on the target; `run` calls `worked` when all that is left to do is to commit. */
  committing<T>(run: (worked: () => void) => Promise<T>): Promise<T>
  /** After each chunk: decides how the next one may be. */
  judge(): void
  /** The share of the time in which legacy was busy with the last chunk, the rest after it counted. */
  loaded(share: number): void
  /** For a progress that names `by`. */
  status(by: ThrottleReason | null): ThrottleStatus
}

export function createThrottle(job: Pick<Job, 'migration' | 'entity' | 'settings'>): Throttle {
  const { migration, settings } = job
  // Finer than milliseconds, where the caller brings no clock.
  const now = migration.now === Date.now ? () => performance.now() : migration.now
  const governor = createGovernor()
  const legacy = createLegacyWatch(job, now)
  const replicas = createReplicaWatch(settings)
  let commitMs: number | null = null
  let loop: LoopLag | null = null
  let load: number | null = null
  let verdict: readonly Reading[] = []
  let held: { readonly by: ThrottleReason | null; readonly since: number } = { by: null, since: 0 }

  function readings(): readonly Reading[] {
    return [
      ...legacy.readings(),
      ...replicas.readings(),
      { input: 'target-commit', value: commitMs, limit: settings.maxTargetCommitMs },
      { input: 'event-loop', value: loop?.longest() ?? null, limit: settings.maxEventLoopLagMs },
    ]
  }

  function lost(): GovernedInput | null {
    if (legacy.lost !== null) return 'legacy-latency'
    return replicas.lost === null ? null : 'replica-lag'
  }

  /** What is not known yet after a verdict is what it was judged by. */
  function shown(): readonly Reading[] {
    return readings().map((reading) => {
      const judged = verdict.find(({ input }) => input === reading.input)
      return { ...reading, value: reading.value ?? judged?.value ?? null }
    })
  }

  function inputs(): readonly ThrottleInput[] {
    const reasons: Partial<Record<ThrottleInput['input'], string | null>> = {
      'legacy-latency': legacy.lost,
      'replica-lag': replicas.lost,
    }
    return [
      { input: 'legacy-load', value: rounded(load), limit: settings.maxLegacyLoad, state: 'good', why: null },
      ...shown().map(({ input, value, limit }): ThrottleInput => {
        const why = reasons[input] ?? null
        const state = why !== null ? 'lost' : value !== null && limit !== null && value > limit ? 'over' : 'good'
        return { input, value: rounded(value), limit: rounded(limit), state, why }
      }),
    ]
  }

  return {
    get pace() {
      return governor.pace
    },
    get size() {
      return governor.size
    },
    get cause() {
      return governor.cause
    },
    near: legacy.near,
    async look() {
      const before = lost()
      try {
        await Promise.all([legacy.look(), replicas.look()])
      } finally {
        const now = lost()
        if (before === null && now !== null) governor.lost(now)
      }
      return replicas.lost === null ? null : 'replica-lag'
    },
    async working(work) {
      commitMs = null
      loop = Number.isFinite(settings.maxEventLoopLagMs) ? beginLoopLag(LOOP_RESOLUTION_MS) : null
      try {
        return await legacy.beside(true, work)
      } finally {
        loop?.end()
        loop = null
      }
    },
    resting: (work) => legacy.beside(false, work),
    async committing(run) {
      let workedAt: number | null = null
      const result = await run(() => {
        workedAt = now()
      })
      if (workedAt !== null) commitMs = Math.max(commitMs ?? 0, now() - workedAt)
      return result
    },
    judge() {
      verdict = readings()
      const over = governor.judge(verdict)
      if (over === 'legacy-latency' || over === 'pool-wait') legacy.forget()
    },
    loaded(share) {
      load = share
    },
    status(by) {
      if (held.by !== by) held = { by, since: migration.now() }
      const all = inputs()
      const holding = all.find(({ input }) => input === by)
      return {
        pace: governor.pace,
        by,
        value: holding?.value ?? null,
        limit: holding?.limit ?? null,
        why: holding?.why ?? (by === 'legacy' ? legacy.lost : null),
        forMs: by === null ? 0 : Math.max(0, migration.now() - held.since),
        inputs: all,
      }
    },
  }
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100
}
