import { type Key, redact, TimeoutError, within } from '@twinspan/core'
import type { Job } from '../job.ts'
import { Outage } from '../reach.ts'
import { createBaseline, LEARNED_FROM } from './baseline.ts'
import type { Reading } from './governor.ts'
import { type ProbeReading, probeLegacy } from './probe.ts'
import { createRecent } from './recent.ts'

/** Reads that were given up and may still come back. A legacy that hangs is not asked again and again. */
const MOST_PENDING = 3

/** Follows how long a point read of legacy takes, with and without us. */
export interface LegacyWatch {
  /** The class of what went wrong with the last look; `null`: nothing. */
  readonly lost: string | null
  readings(): readonly Reading[]
  /** The next verdict is to be about what comes from now on. */
  forget(): void
  /** A key that is worth reading: one that was there a moment ago. */
  near(key: Key | null): void
  /** @throws Outage when legacy does not answer */
  look(): Promise<void>
  /** Looks again and again while `work` runs. `busy`: that work is what may slow legacy down. */
  beside<T>(busy: boolean, work: () => Promise<T>): Promise<T>
}

export function createLegacyWatch(
  { migration, entity, settings }: Pick<Job, 'migration' | 'entity' | 'settings'>,
  now: () => number,
): LegacyWatch {
  const baseline = createBaseline(now)
  const reads = createRecent(now)
  const waits = createRecent(now)
  let key: Key | null = null
  let atWork = false
  let begun = false
  let lost: string | null = null
  let pending = 0
  let probing: { readonly since: number; readonly ended: Promise<void> } | undefined

  function probe(): Promise<void> {
    probing ??= {
      since: now(),
      ended: read().finally(() => {
        probing = undefined
      }),
    }
    return probing.ended
  }

  async function read(): Promise<void> {
    const { signalTimeoutMs } = settings
    const what = 'A point read of legacy'
    if (pending >= MOST_PENDING) throw new TimeoutError(what, signalTimeoutMs)
    const alone = !atWork
    let awaited = true
    try {
      const { readMs, waitMs } = await within(signalTimeoutMs, what, reading)
      reads.add(readMs)
      if (waitMs !== null) waits.add(waitMs)
      if (alone && !atWork) baseline.add(readMs)
    } finally {
      awaited = false
    }

    async function reading(): Promise<ProbeReading> {
      pending += 1
      try {
        return await probeLegacy({ migration, entity }, key, now, () => awaited)
      } finally {
        pending -= 1
      }
    }
  }

  function limit(): number | null {
    const { ms } = baseline
    return ms === null ? null : Math.max(ms * settings.maxLegacySlowdown, ms + settings.legacySlackMs)
  }

  /** The 95th percentile, or the time that the read under way has taken already. */
  function latency(): number | null {
    const p95 = reads.p95()
    const most = limit()
    const soFar = probing === undefined ? 0 : now() - probing.since
    return most !== null && soFar > most ? Math.max(soFar, p95 ?? 0) : p95
  }

  return {
    get lost() {
      return lost
    },
    readings() {
      if (settings.probeEveryMs === 0) return []
      const wait = { input: 'pool-wait', value: waits.p95(), limit: settings.maxPoolWaitMs } as const
      return [
        { input: 'legacy-latency', value: latency(), limit: limit() },
        ...(migration.sides.legacy.onConnection === undefined ? [] : [wait]),
      ]
    },
    forget() {
      reads.forget()
      waits.forget()
    },
    near(next) {
      key = next ?? key
    },
    async look() {
      if (settings.probeEveryMs === 0) return
      try {
        for (let left = begun ? 1 : LEARNED_FROM; left > 0; left--) await probe()
        begun = true
        lost = null
      } catch (error) {
        lost = redact(error)
        throw new Outage('legacy', error)
      }
    },
    async beside(busy, work) {
      atWork = busy
      const again = (): void => void probe().catch(() => {})
      const timer = settings.probeEveryMs === 0 ? undefined : setInterval(again, settings.probeEveryMs)
      timer?.unref()
      try {
        return await work()
      } finally {
        clearInterval(timer)
        atWork = false
      }
    },
  }
}
