import { type Entity, type Key, type Migration, otherSide, type SideName, StalePhaseError } from '@twinspan/core'
import { createNotes, type Notes } from './notes.ts'
import type { CompareSettings } from './options.ts'
import { createExact, type Exact } from './values/exact.ts'

/** What every step of one comparison works with. */
export interface Comparison {
  readonly migration: Migration
  readonly entity: Entity
  /** The side whose rows are the truth, and the other. */
  readonly primary: SideName
  readonly secondary: SideName
  /** The epoch and the attempt that the comparison began in. */
  readonly epoch: number
  readonly incarnation: string
  readonly settings: CompareSettings
  readonly exact: Exact
  readonly notes: Notes
}

export function begin(migration: Migration, entity: Entity, settings: CompareSettings): Comparison {
  const { plan, epoch, incarnation } = migration.snapshot
  const secondary = otherSide(plan.primary)
  return {
    migration,
    entity,
    primary: plan.primary,
    secondary,
    epoch,
    incarnation,
    settings,
    exact: createExact(entity),
    notes: createNotes(),
  }
}

/** Throws when the comparison has become meaningless or was told to end. */
export function assertCurrent({ migration, primary, incarnation, settings }: Comparison): void {
  settings.signal?.throwIfAborted()
  const { snapshot } = migration
  if (snapshot.plan.primary !== primary || snapshot.incarnation !== incarnation) {
    throw new StalePhaseError(primary, 'the primary changed while both sides were being compared')
  }
}

/** The rows of these keys by their `keyText`, exact where they can be. */
export async function loadRows(
  { entity, exact }: Pick<Comparison, 'entity' | 'exact'>,
  side: SideName,
  keys: readonly Key[],
): Promise<ReadonlyMap<string, unknown>> {
  if (keys.length === 0) return new Map()
  const rows = await entity[side].load(keys)
  await exact.read(side, rows)
  return new Map(rows.map((row) => [entity.keyTextOf(side, row), row]))
}
