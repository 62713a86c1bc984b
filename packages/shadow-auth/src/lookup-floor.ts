/** How many look-ups are remembered. */
const KEPT = 256

/** How often the floor is computed anew. */
const EVERY = 16

/** Nearly all look-ups are faster than the floor. */
const SHARE = 0.95

/**
 * How long both stores usually take together. Work cannot hide that one store more was asked, or none: time can.
 */
export interface LookupFloor {
  /** Learns how long the look-ups of one login took, and tells how long it has to wait to look like any other. */
  missing(tookMs: number): number
}

export function lookupFloor(): LookupFloor {
  const took: number[] = []
  let next = 0
  let floor = 0
  return {
    missing(tookMs) {
      took[next % KEPT] = tookMs
      if (next++ % EVERY === 0) {
        const sorted = took.toSorted((a, b) => a - b)
        floor = sorted[Math.floor(sorted.length * SHARE)] ?? 0
      }
      return Math.max(0, floor - tookMs)
    },
  }
}
