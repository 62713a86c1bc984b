import type { Settings } from './options.ts'

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
}

/** Decides how large a chunk is and how long legacy rests after it, from what the chunks before it cost. */
export interface Pace {
  readonly chunkRows: number
  chunk(): ChunkClock
  /** Milliseconds that `rows` more rows will take, pauses included; `null` before the first chunk. */
  eta(rows: number): number | null
  /** Makes the next chunk smaller: the last one failed. */
  shrink(): void
}

const SMOOTHING = 0.2

/**
 * Time alone makes no chunk smaller than this. What a chunk costs whatever its size (round trips, a commit, a busy target)
 * may be more than its target time, and smaller chunks would only pay it more often.
 */
const FEWEST_ROWS = 100

export function createPace(settings: Settings, now: () => number, firstChunkRows: number): Pace {
  let chunkRows = Math.min(firstChunkRows, settings.maxChunkRows)
  let msPerRow: number | null = null
  let lastEnd: number | null = null

  return {
    get chunkRows() {
      // The most may have become less meanwhile.
      return Math.min(chunkRows, settings.maxChunkRows)
    },
    chunk() {
      const begun = now()
      let legacyMs = 0
      return {
        async legacy(work) {
          const asked = now()
          try {
            return await work()
          } finally {
            legacyMs += now() - asked
          }
        },
        end(rows, limit) {
          const end = now()
          const ms = end - begun
          if (rows > 0) {
            // The rest after the chunk before belongs to the pace as well.
            const spent = (end - (lastEnd ?? begun)) / rows
            msPerRow = msPerRow === null ? spent : msPerRow + SMOOTHING * (spent - msPerRow)
          }
          lastEnd = end
          // A chunk that was cut short by the end of the table says nothing about full ones.
          if (rows === limit) chunkRows = steer(chunkRows, settings, ms)
          return { ms, restMs: Math.max(0, legacyMs / settings.maxLegacyLoad - ms) }
        },
      }
    },
    eta: (rows) => (msPerRow === null ? null : Math.round(rows * msPerRow)),
    shrink() {
      chunkRows = Math.max(1, Math.floor(chunkRows / 2))
    },
  }
}

/** Towards the target time, at most twice or half of what it was. */
function steer(rows: number, { chunkTargetMs, maxChunkRows }: Settings, ms: number): number {
  const factor = Math.min(2, Math.max(0.5, chunkTargetMs / Math.max(ms, 1)))
  const fewest = Math.min(rows, FEWEST_ROWS)
  return Math.min(maxChunkRows, Math.max(fewest, Math.round(rows * factor)))
}
