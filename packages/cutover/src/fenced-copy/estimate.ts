import type { Entity, Migration } from '@twinspan/core'
import { type CopyRun, compareEntity, copyEntity, emptyTarget } from './copy-entity.ts'

/** Rows of each entity that are copied to find out how long the rest takes. */
const SAMPLE = 1_000
/** The changes of the fences, and what a rehearsal does not meet. */
const FIXED_MS = 100
const CAUTION = 1.5

export interface Estimate {
  readonly rows: number
  /** How long writers would wait, in milliseconds, on the cautious side. */
  readonly waitMs: number
}

/** Counts and reads a sample of legacy; writes nothing. Writing and reading back takes a few times as long as reading. */
export async function estimateByReading(migration: Migration): Promise<Estimate> {
  return estimate(migration, 4, async (entity) => {
    const rows = await entity.legacy.scan({ limit: SAMPLE })
    return rows.length
  })
}

/** Copies a sample and reads it back, as it will be done behind the fence, then removes it. */
export async function estimateByCopying(migration: Migration, runOf: (entity: Entity) => CopyRun): Promise<Estimate> {
  return estimate(migration, 1, async (entity) => {
    const run = runOf(entity)
    const copied = await copyEntity(run, { atMost: SAMPLE })
    // For its time alone: users write meanwhile.
    await compareEntity(run, { atMost: SAMPLE })
    return copied
  })
}

async function estimate(
  migration: Migration,
  factor: number,
  sample: (entity: Entity) => Promise<number>,
): Promise<Estimate> {
  let total = 0
  let waitMs = FIXED_MS
  for (const entity of migration.entities) {
    const began = migration.now()
    const sampled = await sample(entity)
    const tookMs = (migration.now() - began) * factor
    // An estimate of the engine may be behind; what was seen is there.
    const rows = Math.max(sampled, (await entity.legacy.count?.())?.rows ?? sampled)
    total += rows
    waitMs += sampled === 0 ? 0 : (tookMs * rows * CAUTION) / sampled
  }
  return { rows: total, waitMs: Math.ceil(waitMs) }
}

/** Removes what the rehearsal or an earlier attempt left. */
export async function emptyTargets(migration: Migration, runOf: (entity: Entity) => CopyRun): Promise<void> {
  // Children before their parents, if they are named after them.
  for (const entity of migration.entities.toReversed()) await emptyTarget(runOf(entity))
}
