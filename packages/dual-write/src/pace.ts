/** Rows taken at the first look after an outage. */
const PROBE_ROWS = 10

/** How many journal rows are taken at once: a full batch in good times, a handful as the probe after an outage. */
export interface Pace {
  readonly rows: number
  /** The secondary did not answer. */
  slow(): void
  /** A batch arrived: the next one may be twice as large. */
  quicken(): void
}

/** A secondary that comes back with cold caches is not met by the whole backlog of every process at once. */
export function createPace(full: number): Pace {
  let rows = full
  return {
    get rows() {
      return rows
    },
    slow() {
      rows = Math.min(PROBE_ROWS, full)
    },
    quicken() {
      rows = Math.min(rows * 2, full)
    },
  }
}
