import { createCusum } from './cusum.ts'
import { type GuardDeltas, QUANTILES } from './deltas.ts'
import { againstLegacy } from './likelihood.ts'
import type { Finding } from './signal.ts'

export interface LatencySignal {
  observe(now: number, counts: Required<GuardDeltas>['latency']): void
  finding(): Finding
  reset(): void
}

/** Target is slow more often than legacy is, at one of three thresholds: the body, the shoulder and the tail. */
export function createLatencySignal(): LatencySignal {
  const detectors = QUANTILES.map((quantile) => ({ quantile, cusum: createCusum() }))
  return {
    observe(now, latency) {
      for (const { quantile, cusum } of detectors) {
        const counts = latency[quantile]
        cusum.observe(now, counts, (ratio, log) => againstLegacy(counts, ratio, log))
      }
    },
    finding() {
      const [first, ...others] = detectors.map(({ cusum }) => cusum)
      const loudest = others.reduce(
        (best, cusum) => (cusum.log > best.log ? cusum : best),
        first as (typeof others)[number],
      )
      // Three chances to be wrong: the mean of the three is what keeps the run length, and it is at least a third of the largest.
      return { signal: 'latency', log: loudest.log - Math.log(QUANTILES.length), from: loudest }
    },
    reset() {
      for (const { cusum } of detectors) cusum.reset()
    },
  }
}
