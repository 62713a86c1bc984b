/**
 * Lets one outcome per unit through in a stretch of time: a client that retries in a loop and a heavy user are one unit
 * that is unwell, not a regression.
 */
export interface OncePer {
  /** Whether the unit has not been let through lately. An unknown unit always is. */
  admit(now: number, unit: string | undefined): boolean
}

/** Units are held in memory only, the oldest dropped first. */
const MAX_UNITS = 100_000

export function createOncePer(durationMs: number): OncePer {
  // In the order of their admission, so that those whose time is over come first.
  const admittedAt = new Map<string, number>()
  return {
    admit(now, unit) {
      if (unit === undefined) return true
      for (const [oldest, at] of admittedAt) {
        if (now - at < durationMs && admittedAt.size < MAX_UNITS) break
        admittedAt.delete(oldest)
      }
      if (admittedAt.has(unit)) return false
      admittedAt.set(unit, now)
      return true
    },
  }
}
