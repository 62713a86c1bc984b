/** Whether the secondary is worth asking. While it is not, keys simply stay dirty. */
export interface Breaker {
  /** `false` until the pause after the last outage is over. The first call after it is the probe. */
  readonly allows: boolean
  /** The secondary did not answer: pauses, twice as long as the last time, up to the longest pause. */
  trip(): void
  /** The secondary answered. */
  reset(): void
}

export interface BreakerOptions {
  readonly firstPauseMs: number
  readonly longestPauseMs: number
  readonly now: () => number
  readonly random: () => number
}

export function createBreaker({ firstPauseMs, longestPauseMs, now, random }: BreakerOptions): Breaker {
  let outages = 0
  let closedUntil = Number.NEGATIVE_INFINITY
  return {
    get allows() {
      return now() >= closedUntil
    },
    trip() {
      const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** outages++)
      // Jitter: after an outage not every process of the service knocks at once.
      closedUntil = now() + pause * (0.5 + random() / 2)
    },
    reset() {
      outages = 0
      closedUntil = Number.NEGATIVE_INFINITY
    },
  }
}
