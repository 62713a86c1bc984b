const SMALLEST_MS = 0.05
const GROWTH = 1.2
const BUCKETS = 80

/** Durations by order of magnitude: a quantile of it is off by less than a fifth, whatever was recorded. */
export interface Histogram {
  record(ms: number): void
  /** In milliseconds; `null` when nothing was recorded. */
  quantile(share: number): number | null
  readonly count: number
}

export function createHistogram(): Histogram {
  const buckets = new Uint32Array(BUCKETS)
  let count = 0
  return {
    get count() {
      return count
    },
    record(ms) {
      const place = Math.ceil(Math.log(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) / Math.log(GROWTH))
      const bucket = Math.min(Math.max(place, 0), BUCKETS - 1)
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
      count++
    },
    quantile(share) {
      if (count === 0) return null
      const wanted = Math.max(1, Math.ceil(share * count))
      let seen = 0
      for (const [bucket, held] of buckets.entries()) {
        seen += held
        if (seen >= wanted) return Number((SMALLEST_MS * GROWTH ** bucket).toPrecision(3))
      }
      return null
    },
  }
}
