import { backfill } from '@twinspan/backfill'
import type { BenchContext, Measurement } from '../bench.ts'
import { type LegacyEngine, openWorld } from './world.ts'

/** How much longer everything takes on the way to legacy, each way. */
const SLOWER_MS = 20
const SETTLED_CHUNKS = 12

/**
 * In the middle of a backfill with its default settings legacy becomes slower by 40 ms, and then fast again: how many chunks it
 * takes until the pace is half of what it was, and until it is back.
 */
export async function measureSlowdown(
  engine: LegacyEngine,
  rows: number,
  note: BenchContext['note'],
): Promise<readonly Measurement[]> {
  const { migration, accounts, proxy, close } = await openWorld(engine, rows, { proxied: true })
  try {
    const before = createRate()
    const during = createRate()
    let [chunks, slowedAt, halvedAt, healedAt, backAt] = [0, 0, 0, 0, 0]
    let pace = 1
    for await (const { chunkRows, throttle, throttledBy } of backfill(migration, accounts)) {
      chunks += 1
      if (slowedAt === 0) {
        before.add(chunkRows)
        if (chunks >= SETTLED_CHUNKS) {
          slowedAt = chunks
          pace = throttle.pace
          proxy?.slow(SLOWER_MS)
        }
        continue
      }
      if (halvedAt === 0 && throttle.pace <= pace / 2) {
        halvedAt = chunks
        note(`${engine}: halved by ${throttledBy} at ${throttle.value} of ${throttle.limit} ms`)
      }
      if (healedAt === 0) {
        during.add(chunkRows)
        if (halvedAt > 0 && chunks >= halvedAt + 5) {
          healedAt = chunks
          proxy?.heal()
        }
        continue
      }
      if (throttle.pace >= pace) {
        backAt = chunks
        break
      }
    }
    return [
      { metric: 'chunks_until_halved', value: halvedAt - slowedAt, unit: 'chunks' },
      { metric: 'rows_per_second_before', value: before.perSecond(), unit: 'rows/s' },
      { metric: 'rows_per_second_slow', value: during.perSecond(), unit: 'rows/s' },
      { metric: 'chunks_until_back', value: backAt - healedAt, unit: 'chunks' },
    ]
  } finally {
    await close()
  }
}

function createRate(): { add(rows: number): void; perSecond(): number } {
  let [rows, began, ended] = [0, 0, 0]
  return {
    add(more) {
      ended = performance.now()
      if (began === 0) began = ended
      else rows += more
    },
    perSecond: () => (rows / (ended - began)) * 1_000,
  }
}
