import type { Key, Stretch } from '@twinspan/core'
import type { Comparison } from '../comparison.ts'
import type { Hashing } from './hashing.ts'
import type { LeafPace } from './leaf-pace.ts'

/** Rows in a leaf at most. Fewer cost less where a single row differs; many more than a leaf are hashed by one statement. */
const LEAF_ROWS = 1_000

/** Of so many keys at most that may lie in a leaf, one has a row on the side that it was cut by. */
const SPARSE = 8
/** Times that a leaf turned out to be wider, from which on the primary cuts them. */
const MOST_WIDE = 3

/** Leaves that follow one another, for one statement a side. */
export interface Batch {
  readonly leaves: readonly Stretch[]
  /** How many rows it was to have. */
  readonly rows: number
}

export interface LeafRange {
  /** The key after which to begin. */
  readonly from?: Key
  /** Ends with the batch that reaches so many rows. */
  readonly mostRows?: number
}

/**
 * Cuts the keys into leaves that follow one another without a gap from one open end to the other, so that every row of either side is in one.
 *
 * They are cut by the rows of the primary, unless the secondary alone can do it for next to nothing.
 */
export async function* cutLeaves(
  { entity, primary, secondary }: Comparison,
  hashing: Hashing,
  pace: LeafPace,
  { from, mostRows = Number.POSITIVE_INFINITY }: LeafRange,
): AsyncGenerator<Batch> {
  let bySecondary = entity[primary].keysAt === undefined && entity[secondary].keysAt !== undefined
  let wide = 0
  let after = from
  for (let rows = 0; rows < mostRows; ) {
    const batch = await next(after === undefined ? {} : { after })
    yield batch
    rows += batch.rows
    after = batch.leaves.at(-1)?.through
    if (after === undefined) return
  }

  async function next(rest: Stretch): Promise<Batch> {
    const { rows } = pace
    const count = Math.ceil(rows / LEAF_ROWS)
    const size = Math.ceil(rows / count)
    if (bySecondary) {
      const leaves = await hashing.cut(secondary, rest, size, count)
      if (leaves.every((leaf) => isNarrow(leaf, size))) return { leaves, rows }
      // What is few rows on the secondary may be the whole table on the primary. Behind its last row nothing else is.
      bySecondary = leaves.at(-1)?.through !== undefined && ++wide < MOST_WIDE
    }
    return { leaves: await hashing.cut(primary, rest, size, count), rows }
  }
}

/** Whether so few keys can lie in the leaf that no side holds many more rows in it than were asked for. */
function isNarrow({ after, through }: Stretch, rows: number): boolean {
  // Drivers hand large integers over as text.
  const isWhole = (key: Key | undefined): key is string | number | bigint => /^-?\d{1,20}$/.test(String(key))
  return isWhole(after) && isWhole(through) && BigInt(through) - BigInt(after) <= BigInt(rows * SPARSE)
}
