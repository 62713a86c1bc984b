import type { Digest, Key, SideName } from '@twinspan/core'
import { assertCurrent, type Comparison } from './comparison.ts'
import type { DigestPlan } from './digest-plan.ts'
import { createLeafPace } from './leaf-pace.ts'
import { type ComparedPage, comparePages, compareStretch, type Sighting } from './pages.ts'

/** A leaf that differs is cut into so many, until one has no more than so many rows of the primary. */
const SPLIT = 16
const SHORT_ROWS = 500
/** Leaves that differ one after the other, from which on digests only cost. */
const HOPELESS = 12

interface Stretch {
  readonly after: Key | undefined
  readonly through: Key | undefined
}

interface Leaf extends Stretch {
  readonly truth: Digest
}

/**
 * Compares both sides leaf by leaf: a stretch of the primary's keys, and the same stretch on the secondary, each made into
 * one digest where its rows are. Only where two digests differ, twice, are rows read.
 *
 * The stretches follow one another without a gap from one open end to the other, so every row of either side is in one.
 */
export async function* compareLeaves(
  comparison: Comparison,
  plan: DigestPlan,
  pageRows: number,
): AsyncGenerator<ComparedPage> {
  const { migration, primary, secondary } = comparison
  const pace = createLeafPace(migration.now)
  const start: Stretch = { after: undefined, through: undefined }
  let differed = 0
  for (let leading = pace.steer((rows) => readLeaf(start, rows)); ; ) {
    const leaf = await leading
    const following = digest(secondary, leaf)
    // The primary works on the next leaf while the secondary works on this one.
    if (leaf.through !== undefined) {
      leading = pace.steer((rows) => readLeaf({ after: leaf.through, through: undefined }, rows))
      leading.catch(() => {})
    }
    const agrees = same(leaf.truth, await following)
    differed = agrees ? 0 : differed + 1
    yield { rows: leaf.truth.rows, sightings: agrees ? [] : await drillDown(leaf) }
    if (leaf.through === undefined) return
    assertCurrent(comparison)
    if (differed === HOPELESS) {
      await leading
      yield* comparePages(comparison, pageRows, leaf.through)
      return
    }
  }

  /** What differs in a stretch whose digests differed. */
  async function drillDown(stretch: Stretch): Promise<readonly Sighting[]> {
    // Once more: most of what differs under live traffic was on its way.
    const [truth, held] = await Promise.all([digest(primary, stretch), digest(secondary, stretch)])
    if (same(truth, held)) return []
    if (truth.rows <= SHORT_ROWS) return (await compareStretch(comparison, stretch, SHORT_ROWS)).sightings
    const sightings: Sighting[] = []
    const rows = Math.max(SHORT_ROWS / 2, Math.ceil(truth.rows / SPLIT))
    for (let after = stretch.after; ; ) {
      const leaf = await readLeaf({ after, through: stretch.through }, rows)
      if (!same(leaf.truth, await digest(secondary, leaf))) sightings.push(...(await drillDown(leaf)))
      if (leaf.truth.last === undefined) return sightings
      after = leaf.through
    }
  }

  /** The first `rows` rows of a stretch; all of it where it has fewer. */
  async function readLeaf({ after, through }: Stretch, rows: number): Promise<Leaf> {
    const truth = await digest(primary, { after, through }, rows)
    return { after, through: truth.last ?? through, truth }
  }

  async function digest(side: SideName, { after, through }: Stretch, limit?: number): Promise<Digest> {
    const { entity } = comparison
    const range = {
      ...(after === undefined ? {} : { after }),
      ...(through === undefined ? {} : { through }),
      ...(limit === undefined ? {} : { limit }),
    }
    const made = await entity[side].digest?.(range, plan[side])
    if (made === undefined) throw new TypeError(`The ${side} store of "${entity.name}" has stopped making digests.`)
    return made
  }
}

function same(a: Digest, b: Digest): boolean {
  return a.rows === b.rows && a.digest === b.digest
}
