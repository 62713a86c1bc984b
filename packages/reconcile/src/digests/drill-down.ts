import type { Digest, SideName, Stretch } from '@twinspan/core'
import type { Comparison } from '../comparison.ts'
import { compareStretch, type Sighting } from '../pages.ts'
import type { DigestPlan } from './digest-plan.ts'
import { agree, type Hashing } from './hashing.ts'
import type { Noise } from './noise.ts'

/** Into how many parts a stretch that differs is cut at most, and how many rows a part has at least. A leaf is cut once. */
const MOST_PARTS = 16
const FEWEST_ROWS = 32
/** Where most parts differ, a stretch of up to so many rows is read as a whole, */
const MOST_ROWS = 4_000
/** and so many rows at once. */
const PAGE_ROWS = 1_000

/** A stretch, with digests of both sides that differ. */
export interface Differing {
  readonly stretch: Stretch
  readonly digests: Readonly<Record<SideName, Digest>>
}

export interface DrillDown {
  readonly sightings: readonly Sighting[]
  /** Whether so much differs that digests only cost. */
  readonly isHopeless: boolean
}

/**
 * What differs in a leaf. Its parts are made into digests once more, on both sides: most of what differs under live traffic was on its
 * way, and agrees now. The rows of those that differ still are compared.
 */
export async function drillDown(
  comparison: Comparison,
  plan: DigestPlan,
  hashing: Hashing,
  noise: Noise,
  leaf: Differing,
): Promise<DrillDown> {
  const { parts, isHopeless } = await narrow(leaf)
  const sightings: Sighting[] = []
  const blamed = new Set<number>()
  for (const { stretch, digests } of parts) {
    const seen = await compareStretch(comparison, stretch, PAGE_ROWS)
    sightings.push(...seen)
    // One part of a leaf is enough to blame a column.
    if (seen.length > 0 || blamed.size > 0) continue
    const { legacy, target } = await hashing.ofBoth([stretch])
    // Where one has changed meanwhile, users are at work and not the engines' ways of writing.
    if (!agree(legacy[0], digests.legacy) || !agree(target[0], digests.target)) continue
    for (const column of await noisyColumns(stretch)) blamed.add(column)
  }
  noise.count(blamed)
  if (noise.verdict !== undefined) comparison.notes.warn(noise.verdict)
  return { sightings, isHopeless }

  async function narrow(
    whole: Differing,
  ): Promise<{ readonly parts: readonly Differing[]; readonly isHopeless: boolean }> {
    const rows = rowsOf(whole)
    const size = Math.max(FEWEST_ROWS, Math.ceil(rows / MOST_PARTS))
    const stretches = await hashing.cut(fuller(comparison, whole), whole.stretch, size, MOST_PARTS)
    const found = differing(stretches, await hashing.ofBoth(stretches))
    const isHopeless = found.length * 2 > stretches.length
    // Few enough rows to read them at once.
    if (isHopeless && rows <= MOST_ROWS) return { parts: [whole], isHopeless }
    const parts: Differing[] = []
    for (const part of found) {
      if (isHopeless || rowsOf(part) <= FEWEST_ROWS * 2) parts.push(part)
      else parts.push(...(await narrow(part)).parts)
    }
    return { parts, isHopeless }
  }

  /** The columns of a stretch whose values are the same while their digests are not. */
  async function noisyColumns(stretch: Stretch): Promise<readonly number[]> {
    const found: number[] = []
    for (const at of plan.legacy.keys()) {
      const [legacy, target] = [
        await hashing.ofColumn('legacy', stretch, at),
        await hashing.ofColumn('target', stretch, at),
      ]
      if (!agree(legacy, target)) found.push(at)
    }
    return found
  }
}

function rowsOf({ digests: { legacy, target } }: Differing): number {
  return Math.max(legacy.rows, target.rows)
}

/** The side with more rows; of two with as many, the one that finds many keys at once. */
function fuller({ entity }: Comparison, { digests: { legacy, target } }: Differing): SideName {
  if (legacy.rows === target.rows) return entity.legacy.keysAt === undefined ? 'target' : 'legacy'
  return target.rows > legacy.rows ? 'target' : 'legacy'
}

/** The stretches that differ. */
export function differing(
  stretches: readonly Stretch[],
  digests: Readonly<Record<SideName, readonly Digest[]>>,
): readonly Differing[] {
  return stretches.flatMap((stretch, at) => {
    const [legacy, target] = [digests.legacy[at], digests.target[at]]
    const isSame = legacy === undefined || target === undefined || agree(legacy, target)
    return isSame ? [] : [{ stretch, digests: { legacy, target } }]
  })
}
