import { createHistogram } from 'node:perf_hooks'
import { QUANTILES, type Quantile } from './deltas.ts'

/** Fewer durations than this say nothing about the slowest hundredth. */
const ENOUGH = 200

export type Thresholds = Readonly<Record<Quantile, number>>

/** What is slow for legacy, by its own recent past: quantiles of the last full window, in milliseconds. */
export interface RecentQuantiles {
  record(now: number, durationMs: number): void
  /** `undefined` until the first window is full. */
  readonly thresholds: Thresholds | undefined
}

export function createRecentQuantiles(windowMs: number): RecentQuantiles {
  const histogram = createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 })
  let openedAt: number | undefined
  let thresholds: Thresholds | undefined

  return {
    record(now, durationMs) {
      openedAt ??= now
      // In microseconds: a histogram takes integers from 1.
      histogram.record(Math.min(3_600_000_000, Math.max(1, Math.round(durationMs * 1_000))))
      if (histogram.count < ENOUGH || (thresholds !== undefined && now - openedAt < windowMs)) return
      thresholds = Object.fromEntries(
        QUANTILES.map((quantile) => [quantile, histogram.percentile(Number(quantile.slice(1))) / 1_000]),
      ) as Thresholds
      histogram.reset()
      openedAt = now
    },
    get thresholds() {
      return thresholds
    },
  }
}
