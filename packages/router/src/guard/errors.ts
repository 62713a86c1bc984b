import type { Comparison } from './counts.ts'
import { createCusum } from './cusum.ts'
import { againstLegacy, againstRate } from './likelihood.ts'
import type { Finding } from './signal.ts'

export interface ErrorSignal {
  observe(now: number, counts: Comparison, isSettling: boolean): void
  finding(): Finding
  reset(): void
}

/** What legacy failed at lately is halved every so often, so that an old bad day does not excuse a new one. */
const HALF_LIFE_MS = 600_000

/**
 * Target fails more often than legacy does, and more often than anybody would mind. Each of the two is a detector of its
 * own and both have to speak: the first is blind to the absolute rate, the second to a bad day of both sides.
 */
export function createErrorSignal(options: {
  readonly floor: number
  readonly ceiling: number
  readonly missingMs: number
}): ErrorSignal {
  const relative = createCusum()
  const aboveFloor = createCusum()
  const aboveCeiling = createCusum()
  const remembered = { total: 0, bad: 0, at: 0 }
  let legacyAt = Number.NEGATIVE_INFINITY
  let isAlone = false

  function remember(now: number, { total, bad }: Comparison['legacy']): void {
    if (total === 0) return
    legacyAt = now
    const kept = 2 ** -(Math.max(0, now - remembered.at) / HALF_LIFE_MS)
    remembered.total = remembered.total * kept + total
    remembered.bad = remembered.bad * kept + bad
    remembered.at = now
  }

  return {
    observe(now, counts, isSettling) {
      isAlone = counts.legacy.total === 0 && now - legacyAt > options.missingMs
      const usual = remembered.total === 0 ? 0 : remembered.bad / remembered.total
      const ceiling = Math.max(options.ceiling, 3 * usual)
      if (counts.target.total > 0) {
        if (counts.target.bad + counts.legacy.bad > 0)
          relative.observe(now, counts, (ratio, log) => againstLegacy(counts, ratio, log))
        if (!isSettling)
          aboveFloor.observe(now, counts, (ratio, log) => againstRate(counts.target, options.floor, ratio, log))
        aboveCeiling.observe(now, counts, (ratio, log) => againstRate(counts.target, ceiling, ratio, log))
      }
      remember(now, counts.legacy)
    },
    finding() {
      if (isAlone) return { signal: 'errors', log: aboveCeiling.log, from: aboveCeiling }
      const { log } = relative
      const both = log <= 0 ? log : Math.min(log, Math.max(aboveFloor.log, aboveCeiling.log))
      return { signal: 'errors', log: both, from: relative }
    },
    reset() {
      for (const cusum of [relative, aboveFloor, aboveCeiling]) cusum.reset()
    },
  }
}
