/**
 * Rows in the first leaf, and the bounds within which its size follows what a leaf costs. Larger ones save round trips, and
 * cost more where a single row differs.
 */
const FIRST_ROWS = 4_000
const FEWEST_ROWS = 500
const MOST_ROWS = 8_000

/** How long one digest should take: short enough to be a good neighbour to the users of the primary. */
const TARGET_MS = 25

/** Decides how many rows the next leaf has. */
export interface LeafPace {
  readonly rows: number
  /** Steers by the time that the slower side took for a leaf of so many rows. */
  saw(rows: number, ms: number): void
}

export function createLeafPace(): LeafPace {
  let rows = FIRST_ROWS
  return {
    get rows() {
      return rows
    },
    saw(asked, ms) {
      const factor = Math.min(2, Math.max(0.5, TARGET_MS / Math.max(ms, 1)))
      rows = Math.round(Math.min(MOST_ROWS, Math.max(FEWEST_ROWS, asked * factor)))
    },
  }
}
