/** Leaves in which a column's digests differ while its values do not, before its digests are believed no more. */
const MOST_LEAVES = 3

/** Watches columns whose digests cry wolf: each time the rows have to be read, and those who read them learn nothing. */
export interface Noise {
  /** The places of the columns that did so in one leaf. */
  count(places: Iterable<number>): void
  /** Which column did so too often. */
  readonly verdict: string | undefined
}

export function createNoise(names: readonly string[]): Noise {
  const leaves = new Map<number, number>()
  return {
    count(places) {
      for (const place of places) leaves.set(place, (leaves.get(place) ?? 0) + 1)
    },
    get verdict() {
      const noisy = [...leaves].find(([, count]) => count >= MOST_LEAVES)
      if (noisy === undefined) return undefined
      return `the digests of column ${names[noisy[0]]} differ where its values are the same, in ${MOST_LEAVES} leaves`
    },
  }
}
