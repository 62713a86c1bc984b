import { createCusum } from './cusum.ts'
import { type GuardDeltas, QUANTILES, type Quantile } from './deltas.ts'
import { againstLegacy } from './likelihood.ts'
import type { Finding } from './signal.ts'

export interface LatencySignal {
  observe(now: number, counts: Required<GuardDeltas>['latency']): void
  finding(): Finding
  reset(): void
}

/** Target is slow more often than legacy is, at one of three thresholds: the body, the shoulder and the tail. */
export function createLatencySignal(): LatencySignal {
  const cusums = QUANTILES.map(() => createCusum())
  return {
    observe(now, latency) {
      for (const [index, cusum] of cusums.entries()) {
        const counts = latency[QUANTILES[index] as Quantile]
        if (counts.target.total === 0) continue
        cusum.observe(now, counts, (ratio, log) => againstLegacy(counts, ratio, log))
      }
    },
    finding() {
      const from = cusums.reduce((best, cusum) => (cusum.log > best.log ? cusum : best))
      // Three chances to be wrong. The mean of the three keeps the run length, and it is at least a third of the largest.
      return { signal: 'latency', log: from.log - Math.log(cusums.length), from }
    },
    reset() {
      for (const cusum of cusums) cusum.reset()
    },
  }
}
