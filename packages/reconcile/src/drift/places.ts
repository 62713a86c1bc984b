/** Counts where in a sweep something was seen, in so many equal stretches as there is room for, however long it becomes. */
export interface Places {
  /**
   * @param row how many rows lay before it
   * @param times @default 1
   */
  count(row: number, times?: number): void
  /** Per stretch, from the first row to the last one of `rows`. */
  upTo(rows: number): readonly number[]
}

const STRETCHES = 100

export function createPlaces(): Places {
  let width = 100
  let counts: number[] = []

  function widenTo(row: number): void {
    while (row >= width * STRETCHES) {
      const merged: number[] = []
      for (const [at, count] of counts.entries()) merged[at >> 1] = (merged[at >> 1] ?? 0) + count
      counts = merged
      width *= 2
    }
  }

  return {
    count(row, times = 1) {
      widenTo(row)
      const at = Math.floor(row / width)
      while (counts.length <= at) counts.push(0)
      counts[at] = (counts[at] ?? 0) + times
    },
    upTo(rows) {
      widenTo(Math.max(0, rows - 1))
      const length = Math.max(counts.length, Math.ceil(rows / width))
      return Array.from({ length }, (_, at) => counts[at] ?? 0)
    },
  }
}
