import { type Stretch, traced } from '@twinspan/core'
import { assertCurrent, type Comparison } from '../comparison.ts'
import { type ComparedPage, comparePages, type Sighting } from '../pages.ts'
import { type Batch, cutLeaves, type LeafRange } from './cut-leaves.ts'
import type { DigestPlan } from './digest-plan.ts'
import { differing, drillDown } from './drill-down.ts'
import { createHashing } from './hashing.ts'
import { inOrder } from './in-order.ts'
import { createLeafPace } from './leaf-pace.ts'
import { createNoise } from './noise.ts'

/** How long a statement should take and how many rows it may look at: short enough to be a good neighbour to the users of the primary. */
const NEIGHBOURLY = { targetMs: 25, mostRows: 8_000 }
/** Where nobody else is served: as many as the databases put together without getting slower. */
const ALONE = { targetMs: 250, mostRows: 16_000 }

/** Leaves of which most parts differed, one after the other, from which on digests only cost. */
const HOPELESS = 8

export interface LeafOptions extends LeafRange {
  /** Rows that are read at once where digests do not help. */
  readonly pageRows: number
  /**
   * Batches of leaves that are compared at once, on both sides, while the next one is cut. 0: one thing is done after the other, so
   * that no more than one statement is at work.
   */
  readonly atOnce: number
}

/** Enough to keep both databases busy where a comparison may have all of the primary. */
export function batchesAtOnce(maxPrimaryLoad: number): number {
  return maxPrimaryLoad === 1 ? 3 : 0
}

interface ComparedLeaf {
  readonly leaf: Stretch
  /** Rows of the primary. */
  readonly rows: number
  readonly sightings: readonly Sighting[]
  readonly isHopeless: boolean
  /** Where both sides gave the same at once. */
  readonly digest?: string
}

/**
 * Compares both sides leaf by leaf, each leaf made into one digest where its rows are, on both sides. Only where two digests differ,
 * twice, are rows read.
 */
export async function* compareLeaves(
  comparison: Comparison,
  plan: DigestPlan,
  { pageRows, atOnce, ...range }: LeafOptions,
): AsyncGenerator<ComparedPage> {
  const { entity, primary, secondary, notes } = comparison
  const hashing = createHashing(comparison, plan, atOnce > 0)
  const pace = createLeafPace(atOnce > 0 ? ALONE : NEIGHBOURLY)
  const noise = createNoise(plan[secondary].map(({ name }) => name))

  let hopeless = 0
  for await (const leaves of inOrder(cutLeaves(comparison, hashing, pace, range), atOnce, compareBatch)) {
    for (const { leaf, rows, sightings, isHopeless, digest: agreed } of leaves) {
      const evidence = agreed === undefined ? {} : { digest: agreed }
      yield { rows, sightings, primaryMs: hashing.takePrimaryMs(), through: leaf.through, ...evidence }
      if (leaf.through === undefined) return
      assertCurrent(comparison)
      hopeless = isHopeless ? hopeless + 1 : 0
      const because = hopeless === HOPELESS ? 'many leaves differ, one after the other' : noise.verdict
      if (because !== undefined) {
        notes.readRows(because)
        return yield* comparePages(comparison, pageRows, leaf.through)
      }
    }
  }

  function compareBatch(batch: Batch): Promise<readonly ComparedLeaf[]> {
    return traced('twinspan.reconcile.range', { 'twinspan.entity': entity.name }, async () => {
      const digests = await hashing.ofBoth(batch.leaves)
      pace.saw(batch.rows, digests.ms)
      const different = new Map(differing(batch.leaves, digests).map((one) => [one.stretch, one]))
      const compared: ComparedLeaf[] = []
      for (const [at, leaf] of batch.leaves.entries()) {
        const { rows = 0, digest = '' } = digests[primary][at] ?? {}
        const found = different.get(leaf)
        if (found === undefined) compared.push({ leaf, rows, sightings: [], isHopeless: false, digest })
        else compared.push({ leaf, rows, ...(await drillDown(comparison, plan, hashing, noise, found)) })
      }
      return compared
    })
  }
}
