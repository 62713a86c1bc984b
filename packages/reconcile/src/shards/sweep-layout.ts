import { randomUUID } from 'node:crypto'
import {
  cutKeys,
  readSweepLayout,
  type StoredSweepLayout,
  type SweepLayout,
  sweepLayoutToJson,
  sweepShardsDocument,
} from '@twinspan/core'
import { assertCurrent, type Comparison } from '../comparison.ts'
import { pause } from '../pause.ts'
import { takeClaim } from './claim.ts'

const LOOK_MS = 250

/** Which sweep a worker is for, and how it is cut where that is still to be done. */
export interface Asked {
  readonly shards: number
  /** `undefined`: the one that is under way, else a new one. */
  readonly sweep: number | undefined
  readonly claimMs: number
}

/**
 * The sweep that this worker takes part in. Whoever comes first cuts the keys; the others wait for it. `undefined` when it has ended
 * already, or a later one has begun.
 */
export async function layOut(comparison: Comparison, asked: Asked): Promise<StoredSweepLayout | undefined> {
  const { migration, entity } = comparison
  for (;;) {
    assertCurrent(comparison)
    const found = await readSweepLayout(migration.store, entity.name)
    if (isOver(found?.layout, asked)) return undefined
    if (found !== undefined && isOpen(found.layout, comparison, asked)) return found
    const claim = await takeClaim(migration, sweepShardsDocument(entity.name), asked.claimMs)
    if (claim === undefined) await pause(comparison, LOOK_MS)
    else {
      try {
        await draw(comparison, asked, found)
      } finally {
        await claim.release()
      }
    }
  }
}

/** Whether nobody needs to look at it any more. */
function isOver(layout: SweepLayout | undefined, { sweep }: Asked): boolean {
  if (layout === undefined || sweep === undefined) return false
  return layout.sweep > sweep || (layout.sweep === sweep && layout.ended)
}

/** Whether it is the one to go on with. One that began under another primary says nothing of this one. */
function isOpen(layout: SweepLayout, { primary, incarnation }: Comparison, { sweep }: Asked): boolean {
  if (layout.ended || layout.primary !== primary || layout.incarnation !== incarnation) return false
  return sweep === undefined || sweep === layout.sweep
}

async function draw(comparison: Comparison, asked: Asked, found: StoredSweepLayout | undefined): Promise<void> {
  const { migration, entity, primary, epoch, incarnation } = comparison
  const before = found?.layout
  const next = before === undefined ? 1 : before.sweep + (before.ended ? 1 : 0)
  const startedAt = migration.now()
  const layout: SweepLayout = {
    entity: entity.name,
    sweep: asked.sweep ?? next,
    ended: false,
    layout: randomUUID(),
    bounds: await cutKeys(entity, primary, { shards: asked.shards }),
    incarnation,
    epoch,
    primary,
    startedAt,
  }
  // Where somebody else has drawn meanwhile, theirs is read next.
  await migration.store.putDocument(sweepShardsDocument(entity.name), sweepLayoutToJson(layout), {
    expected: found?.version ?? 0,
  })
}
