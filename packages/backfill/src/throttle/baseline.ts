import { createRecent } from './recent.ts'

/** Many and old ones: a 95th percentile of few readings is as often far too low as far too high. */
const READINGS = 200
const LONGEST_MS = 600_000
const FEWEST_READINGS = 4
/** As long as there are no more, it is learned and not followed. Made before the first chunk. */
export const LEARNED_FROM = 20
const DOUBLES_MS = 60_000
/** Less is not told apart from nothing. */
const LEAST_MS = 0.1

/** What a point read of legacy takes when this worker leaves it alone. */
export interface Baseline {
  /** `null` until it is known. */
  readonly ms: number | null
  /** A read that nothing of ours was beside. */
  add(ms: number): void
}

/**
 * The 95th percentile of the last 200 reads. It falls with them, but becomes at most twice as high in a minute: a backfill
 * that slows legacy down must not take the result for normal, and one whose legacy has changed for good must not starve.
 */
export function createBaseline(now: () => number): Baseline {
  const idle = createRecent(now, READINGS, LONGEST_MS)
  let readings = 0
  let ms: number | null = null
  let movedAt = 0
  return {
    get ms() {
      return ms
    },
    add(reading) {
      idle.add(reading)
      readings += 1
      const seen = idle.p95()
      if (seen === null || readings < FEWEST_READINGS) return
      const isLearning = ms === null || readings <= LEARNED_FROM
      const most = isLearning ? Number.POSITIVE_INFINITY : (ms ?? 0) * 2 ** ((now() - movedAt) / DOUBLES_MS)
      ms = Math.max(LEAST_MS, Math.min(seen, most))
      movedAt = now()
    },
  }
}
