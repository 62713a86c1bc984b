/**
 * Rows in the first leaf, and the bounds within which its size follows what a leaf costs. Larger ones save round trips, and
 * cost more where a single row differs.
 */
const FIRST_ROWS = 4_000
const FEWEST_ROWS = 1_000
const MOST_ROWS = 8_000

/** How long one digest should take: short enough to be a good neighbour to the users of the primary. */
const TARGET_MS = 25

/** Decides how many rows the next leaf has. */
export interface LeafPace {
  /** Runs `read` with the number of rows, and steers by the time that it takes. */
  steer<T>(read: (rows: number) => Promise<T>): Promise<{ readonly result: T; readonly ms: number }>
}

export function createLeafPace(now: () => number): LeafPace {
  let rows = FIRST_ROWS
  return {
    async steer(read) {
      const asked = rows
      const began = now()
      const result = await read(asked)
      const ms = now() - began
      const factor = Math.min(2, Math.max(0.5, TARGET_MS / Math.max(ms, 1)))
      rows = Math.round(Math.min(MOST_ROWS, Math.max(FEWEST_ROWS, asked * factor)))
      return { result, ms }
    },
  }
}
