/** Rows in the first statement, and the bounds within which their number follows what a statement takes. */
const FIRST_ROWS = 4_000
const FEWEST_ROWS = 500

/** Decides how many rows the next statement looks at. */
export interface LeafPace {
  readonly rows: number
  /** Steers by the time that the slower side took for so many rows. */
  saw(rows: number, ms: number): void
}

export interface PaceOptions {
  /** How long a statement should take, in milliseconds. */
  readonly targetMs: number
  readonly mostRows: number
}

export function createLeafPace({ targetMs, mostRows }: PaceOptions): LeafPace {
  let rows = FIRST_ROWS
  return {
    get rows() {
      return rows
    },
    saw(asked, ms) {
      const factor = Math.min(2, Math.max(0.5, targetMs / Math.max(ms, 1)))
      rows = Math.round(Math.min(mostRows, Math.max(FEWEST_ROWS, asked * factor)))
    },
  }
}
