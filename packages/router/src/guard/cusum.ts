import type { Comparison } from './counts.ts'

/** How much worse than it may be target is supposed to be: one likelihood ratio for each. */
export const RATIOS: readonly number[] = [1.5, 2, 3, 5, 10, 20, 50, 100]

/** What speaks for "target is `ratio` times as bad", and what it was counted from. */
export interface Strongest extends Comparison {
  readonly ratio: number
  /** When the stretch began that the evidence comes from. */
  readonly since: number
}

/**
 * An e-detector: the mean of one CUSUM of likelihood ratios for each supposed ratio. As long as target is no worse, its
 * expected value grows by at most one per observation, so it stays below `c` for `c` observations on average, whatever
 * the rates are. Good history is no credit: each CUSUM begins anew at one.
 */
export interface Cusum {
  /** Takes one tick; `likelihood` says what it is worth for a supposed ratio. */
  observe(now: number, counts: Comparison, likelihood: Likelihood): void
  /** Natural logarithm of the evidence. */
  readonly log: number
  strongest(): Strongest
  reset(): void
}

/** The logarithm of a likelihood ratio for "target is `ratio` times as bad". */
export type Likelihood = (ratio: number, logRatio: number) => number

interface Sum {
  readonly ratio: number
  readonly logRatio: number
  log: number
  since: number
  legacyTotal: number
  legacyBad: number
  targetTotal: number
  targetBad: number
}

export function createCusum(ratios: readonly number[] = RATIOS): Cusum {
  const sums = ratios.map(
    (ratio): Sum => ({
      ratio,
      logRatio: Math.log(ratio),
      log: 0,
      since: 0,
      legacyTotal: 0,
      legacyBad: 0,
      targetTotal: 0,
      targetBad: 0,
    }),
  )
  let log: number | undefined

  return {
    observe(now, { legacy, target }, likelihood) {
      for (const sum of sums) {
        if (sum.log <= 0) begin(sum, now)
        sum.log += likelihood(sum.ratio, sum.logRatio)
        sum.legacyTotal += legacy.total
        sum.legacyBad += legacy.bad
        sum.targetTotal += target.total
        sum.targetBad += target.bad
      }
      log = undefined
    },
    get log() {
      log ??= logMean(sums)
      return log
    },
    strongest() {
      const best = sums.reduce((most, sum) => (sum.log > most.log ? sum : most))
      return {
        ratio: best.ratio,
        since: best.since,
        legacy: { total: best.legacyTotal, bad: best.legacyBad },
        target: { total: best.targetTotal, bad: best.targetBad },
      }
    },
    reset() {
      for (const sum of sums) begin(sum, 0)
      log = undefined
    },
  }
}

function begin(sum: Sum, now: number): void {
  sum.log = 0
  sum.since = now
  sum.legacyTotal = 0
  sum.legacyBad = 0
  sum.targetTotal = 0
  sum.targetBad = 0
}

/** The logarithm of the mean of numbers that are given by their logarithms, which may be too large to be taken out of. */
function logMean(sums: readonly Sum[]): number {
  let largest = Number.NEGATIVE_INFINITY
  for (const sum of sums) largest = Math.max(largest, sum.log)
  let total = 0
  for (const sum of sums) total += Math.exp(sum.log - largest)
  return largest + Math.log(total / sums.length)
}
