import { type Entity, type Key, type Migration, otherSide, type SideName, StalePhaseError } from '@twinspan/core'
import type { CompareSettings } from './options.ts'

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
}

export function begin(migration: Migration, entity: Entity, settings: CompareSettings): Comparison {
  const { plan, epoch, incarnation } = migration.snapshot
  const secondary = otherSide(plan.primary)
  return { migration, entity, primary: plan.primary, secondary, epoch, incarnation, settings }
}

/** Throws when the comparison has become meaningless or was told to end. */
export function assertCurrent({ migration, primary, incarnation, settings }: Comparison): void {
  settings.signal?.throwIfAborted()
  const { snapshot } = migration
  if (snapshot.plan.primary !== primary || snapshot.incarnation !== incarnation) {
    throw new StalePhaseError(primary, 'the primary changed while both sides were being compared')
  }
}

/** The rows of these keys by their `keyText`. */
export async function loadRows(
  entity: Entity,
  side: SideName,
  keys: readonly Key[],
): Promise<ReadonlyMap<string, unknown>> {
  if (keys.length === 0) return new Map()
  const rows = await entity[side].load(keys)
  return new Map(rows.map((row) => [entity.keyTextOf(side, row), row]))
}
