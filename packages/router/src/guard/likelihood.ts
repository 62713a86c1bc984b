import type { Comparison, Counts } from './counts.ts'

/**
 * For "target fails `ratio` times as often as legacy" against "no more often than legacy".
 *
 * Given how many outcomes were bad altogether, the share of target among them says nothing about the base rate, so none has
 * to be known or estimated. A shared outage moves both and is no evidence. Where bad outcomes are frequent the true
 * distribution is narrower than the binomial assumed here, which errs on the side of not killing.
 */
export function againstLegacy({ legacy, target }: Comparison, ratio: number, logRatio: number): number {
  const bad = legacy.bad + target.bad
  if (bad === 0 || legacy.total === 0 || target.total === 0) return 0
  const dilution = Math.log((ratio * target.total + legacy.total) / (target.total + legacy.total))
  return target.bad * logRatio - bad * dilution
}

/** For "`ratio` times as often as `rate`" against "no more often than `rate`", by the Poisson bound, which holds for any rate. */
export function againstRate({ total, bad }: Counts, rate: number, ratio: number, logRatio: number): number {
  return bad * logRatio - (ratio - 1) * rate * total
}
