import type { Digest, Key, SideName, Stretch } from '@twinspan/core'
import { assertCurrent, type Comparison } from './comparison.ts'
import type { DigestPlan } from './digest-plan.ts'
import { createLeafPace } from './leaf-pace.ts'
import { type ComparedPage, comparePages, compareStretch, type Sighting } from './pages.ts'

/** A leaf that differs is cut into so many parts, and the rows of those that differ are compared. */
const PARTS = 16
/** Parts are not made smaller than this. */
const SHORT_ROWS = 100
/** Leaves that differ one after the other, from which on digests only cost. */
const HOPELESS = 8

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
  from?: Key,
): AsyncGenerator<ComparedPage> {
  const { entity, migration, primary, secondary } = comparison
  const pace = createLeafPace(migration.now)
  let differed = 0
  for (let leading = pace.steer((rows) => leafAfter(from, rows)); ; ) {
    const { result: leaf, ms } = await leading
    const following = digest(secondary, [leaf])
    // The primary works on the next leaf while the secondary works on this one.
    if (leaf.through !== undefined) {
      leading = pace.steer((rows) => leafAfter(leaf.through, rows))
      leading.catch(() => {})
    }
    const agrees = same(leaf.truth, (await following)[0])
    differed = agrees ? 0 : differed + 1
    const sightings = agrees ? [] : await drillDown(leaf)
    yield { rows: leaf.truth.rows, sightings, primaryMs: ms, through: leaf.through }
    if (leaf.through === undefined) return
    assertCurrent(comparison)
    if (differed === HOPELESS) {
      await leading
      yield* comparePages(comparison, pageRows, leaf.through)
      return
    }
  }

  async function leafAfter(after: Key | undefined, rows: number): Promise<Leaf> {
    const stretch = after === undefined ? {} : { after }
    const through = await entity[primary].keyAt?.(stretch, rows)
    const leaf = through === undefined ? stretch : { ...stretch, through }
    const [truth] = await digest(primary, [leaf])
    return { ...leaf, truth: truth as Digest }
  }

  /** What differs in a leaf whose digests differed: most of what does under live traffic was on its way, and agrees now. */
  async function drillDown({ truth, ...leaf }: Leaf): Promise<readonly Sighting[]> {
    const parts = await cut(leaf, Math.max(SHORT_ROWS, Math.ceil(truth.rows / PARTS)))
    const [ours, theirs] = await Promise.all([digest(primary, parts), digest(secondary, parts)])
    const sightings: Sighting[] = []
    for (const [at, part] of parts.entries()) {
      if (same(ours[at], theirs[at])) continue
      sightings.push(...(await compareStretch(comparison, part, SHORT_ROWS * 10)))
    }
    return sightings
  }

  /** The stretch in parts of so many rows of the primary, without a gap. */
  async function cut(stretch: Stretch, rows: number): Promise<readonly Stretch[]> {
    const parts: Stretch[] = []
    for (let rest = stretch; ; ) {
      const through = parts.length < PARTS ? await entity[primary].keyAt?.(rest, rows) : undefined
      if (through === undefined) return [...parts, rest]
      parts.push({ ...rest, through })
      rest = { ...rest, after: through }
    }
  }

  async function digest(side: SideName, stretches: readonly Stretch[]): Promise<readonly Digest[]> {
    const made = await entity[side].digest?.(stretches, plan[side])
    if (made === undefined) throw new TypeError(`The ${side} store of "${entity.name}" has stopped making digests.`)
    return made
  }
}

function same(a: Digest | undefined, b: Digest | undefined): boolean {
  return a !== undefined && b !== undefined && a.rows === b.rows && a.digest === b.digest
}
