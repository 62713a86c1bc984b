import type { Settings } from '../options.ts'
import type { ThrottleReason } from '../progress.ts'
import type { Throttle } from './throttle.ts'

/** What the chunk at work has cost so far. */
export interface ChunkClock {
  /** Runs `work` on legacy and counts its time as legacy's load. */
  legacy<T>(work: () => Promise<T>): Promise<T>
  /** Ends the chunk, which had `rows` rows of the `limit` that were asked for. */
  end(rows: number, limit: number): ChunkCost
}

export interface ChunkCost {
  readonly ms: number
  /** How long legacy has to be left alone before the next chunk. */
  readonly restMs: number
  readonly throttledBy: ThrottleReason | null
}

/**
 * How many target times the pace alone lets legacy rest: small chunks may take long because legacy is slow, and a pace that is to
 * come back has to be looked at again.
 */
const LONGEST_RESTS = 10

/** Decides how large a chunk is and how long legacy rests after it, from what the chunks before it cost. */
export interface Pace {
  readonly chunkRows: number
  chunk(): ChunkClock
  /** How long `rows` more rows will take, pauses included; `null` before the first chunk. */
  eta(rows: number): Eta | null
  /** Makes the next chunk smaller: the last one failed. */
  shrink(): void
}

export interface Eta {
  readonly ms: number
  readonly rangeMs: readonly [least: number, most: number]
}

const SMOOTHING = 0.2
/** Standard deviations on either side that hold 95 of 100 normal values. */
const WIDTH = 1.96

/**
 * Time alone makes no chunk smaller than this. What a chunk costs whatever its size (round trips, a commit, a busy target)
 * may be more than its target time, and smaller chunks would only pay it more often.
 */
const FEWEST_ROWS = 100

/** How many times as large as the one before a chunk may be: at first, and once one took longer than it should. */
const FIRST_GROWTH = 4
const GROWTH = 2

export function createPace(settings: Settings, now: () => number, firstChunkRows: number, throttle: Throttle): Pace {
  let fullRows = Math.min(firstChunkRows, settings.maxChunkRows)
  let mostGrowth = FIRST_GROWTH
  let msPerRow: number | null = null
  let variance = 0
  let lastEnd: number | null = null

  /** A chunk at full pace. The most may have become less meanwhile. */
  const full = (): number => Math.min(fullRows, settings.maxChunkRows)
  /** A slower backfill makes smaller chunks, not only longer rests: what bothers legacy is over sooner, and judged sooner. */
  const chunkRows = (): number =>
    Math.max(Math.min(full(), FEWEST_ROWS), Math.round(full() * throttle.pace * throttle.size))

  /** Towards the target time, of which a chunk had a `share`. */
  function steer(ms: number, share: number): void {
    const targetMs = settings.chunkTargetMs * share
    // Once the size is found, a chunk that was over soon was lucky.
    if (ms > targetMs) mostGrowth = GROWTH
    const factor = Math.min(mostGrowth, Math.max(0.5, targetMs / Math.max(ms, 1)))
    const fewest = Math.min(fullRows, FEWEST_ROWS)
    fullRows = Math.min(settings.maxChunkRows, Math.max(fewest, Math.round(fullRows * factor)))
  }

  function learn(spent: number): void {
    if (msPerRow === null) {
      msPerRow = spent
      return
    }
    const difference = spent - msPerRow
    msPerRow += SMOOTHING * difference
    variance = (1 - SMOOTHING) * (variance + SMOOTHING * difference ** 2)
  }

  return {
    get chunkRows() {
      return chunkRows()
    },
    chunk() {
      const begun = now()
      let legacyMs = 0
      let busy = 0
      let busySince = begun
      return {
        async legacy(work) {
          // What runs side by side counts once: it is the time in which legacy is busy.
          if (busy++ === 0) busySince = now()
          try {
            return await work()
          } finally {
            if (--busy === 0) legacyMs += now() - busySince
          }
        },
        end(rows, limit) {
          const end = now()
          const ms = end - begun
          // The rest after the chunk before belongs to the pace as well.
          if (rows > 0) learn((end - (lastEnd ?? begun)) / rows)
          lastEnd = end
          // A chunk that was cut short by the end of the table says nothing about full ones.
          if (rows === limit) steer(ms, limit / full())
          throttle.judge()
          const leastMs = legacyMs / settings.maxLegacyLoad
          const slowedMs = Math.min(Math.max(ms, leastMs) / throttle.pace, ms + LONGEST_RESTS * settings.chunkTargetMs)
          const restMs = Math.max(slowedMs, leastMs, ms) - ms
          throttle.loaded(ms + restMs === 0 ? 0 : legacyMs / (ms + restMs))
          return { ms, restMs, throttledBy: throttle.cause ?? (restMs > 0 ? 'legacy-load' : null) }
        },
      }
    },
    eta(rows) {
      if (msPerRow === null) return null
      const chunks = Math.max(1, rows / chunkRows())
      // What varies from chunk to chunk evens out over many; that the mean itself is only that of the last few does not.
      const deviation = Math.sqrt(variance * (1 / chunks + SMOOTHING / (2 - SMOOTHING)))
      const at = (perRow: number): number => Math.round(rows * Math.max(0, perRow))
      return { ms: at(msPerRow), rangeMs: [at(msPerRow - WIDTH * deviation), at(msPerRow + WIDTH * deviation)] }
    },
    shrink() {
      fullRows = Math.max(1, Math.floor(full() / 2))
    },
  }
}
