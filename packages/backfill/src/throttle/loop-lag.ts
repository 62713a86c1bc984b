import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How long the event loop was kept from its timers. */
export interface LoopLag {
  /** The longest since it was begun, in milliseconds. */
  longest(): number
  end(): void
}

/** A histogram takes half a megabyte: those that nobody uses are used again. */
const idle = new Map<number, ReturnType<typeof monitorEventLoopDelay>[]>()

/** @param resolutionMs how often it looks; what is shorter goes unseen */
export function beginLoopLag(resolutionMs: number): LoopLag {
  const resting = idle.get(resolutionMs) ?? []
  idle.set(resolutionMs, resting)
  const histogram = resting.pop() ?? monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.reset()
  histogram.enable()
  return {
    // It measures from one look to the next.
    longest: () => (histogram.count === 0 ? 0 : Math.max(0, histogram.max / 1e6 - resolutionMs)),
    end() {
      histogram.disable()
      resting.push(histogram)
    },
  }
}
