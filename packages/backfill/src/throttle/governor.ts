/** What the pace follows, in the order in which they are looked at. */
export const GOVERNED = ['legacy-latency', 'pool-wait', 'replica-lag', 'target-commit', 'event-loop'] as const

export type GovernedInput = (typeof GOVERNED)[number]

/** A value over its limit slows the backfill down. */
export interface Reading {
  readonly input: GovernedInput
  /** Milliseconds; `null`: nobody knows yet. */
  readonly value: number | null
  readonly limit: number | null
}

const STEP = 0.1
const LEAST = 1 / 16

/** Additive increase, multiplicative decrease. */
export interface Governor {
  /** The share of its full speed at which the backfill works, from 1/16 to 1. */
  readonly pace: number
  /** The share of its full size that a chunk has, from 1/16 to 1. */
  readonly size: number
  /** The input that holds it back, as long as it is not back at its full pace. */
  readonly cause: GovernedInput | null
  /** Once for each chunk. Returns the input that was over its limit, if one was. */
  judge(readings: readonly Reading[]): GovernedInput | null
  /** A signal was lost: the backfill stands still, and begins again at half its pace. */
  lost(input: GovernedInput): void
}

/**
 * Halves the pace for a chunk in which an input was over its limit, and adds a tenth for one in which none was. A loop that is
 * blocked too long is no matter of pace but of how much is done at once: it halves the chunks.
 */
export function createGovernor(): Governor {
  let pace = 1
  let size = 1
  let cause: GovernedInput | null = null
  const halved = (share: number): number => Math.max(LEAST, share / 2)
  const raised = (share: number): number => Math.min(1, share + STEP)
  return {
    get pace() {
      return pace
    },
    get size() {
      return size
    },
    get cause() {
      return cause
    },
    judge(readings) {
      const over = readings.filter(({ value, limit }) => value !== null && limit !== null && value > limit)
      const slower = over.find(({ input }) => input !== 'event-loop')
      const smaller = over.find(({ input }) => input === 'event-loop')
      pace = slower === undefined ? raised(pace) : halved(pace)
      size = smaller === undefined ? raised(size) : halved(size)
      const first = (slower ?? smaller)?.input ?? null
      if (first !== null) cause = first
      else if (pace === 1 && size === 1) cause = null
      return first
    },
    lost(input) {
      pace = halved(pace)
      cause = input
    },
  }
}
