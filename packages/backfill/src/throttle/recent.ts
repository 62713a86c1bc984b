/** The last readings of something that is looked at again and again. */
export interface Recent {
  add(value: number): void
  /**
   * What 95 % of the readings do not exceed, and never the worst one alone: one slow answer is no trend. `null` for fewer
   * than two.
   */
  p95(): number | null
  forget(): void
}

/** Up to `most` readings of the last `longestMs`. */
export function createRecent(now: () => number, most = 20, longestMs = 10_000): Recent {
  let readings: { readonly value: number; readonly at: number }[] = []
  return {
    add(value) {
      const at = now()
      readings = readings.filter((one) => at - one.at <= longestMs).slice(1 - most)
      readings.push({ value, at })
    },
    p95() {
      if (readings.length < 2) return null
      const sorted = readings.map(({ value }) => value).sort((a, b) => a - b)
      const rank = Math.min(Math.ceil(sorted.length * 0.95), sorted.length - 1)
      return sorted[rank - 1] ?? null
    },
    forget() {
      readings = []
    },
  }
}
