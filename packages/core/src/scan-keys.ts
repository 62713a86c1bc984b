import type { Entity } from './entity.ts'
import type { KeyRange, StoreOptions } from './entity-store.ts'
import type { Key } from './key.ts'
import type { SideName } from './phases.ts'

/** The keys of a stretch of one side in ascending order: the store's `scanKeys`, or derived from its `scan`. */
export async function scanKeys(
  entity: Entity,
  side: SideName,
  range: KeyRange,
  options?: StoreOptions,
): Promise<readonly Key[]> {
  const store = entity[side]
  if (store.scanKeys !== undefined) return store.scanKeys(range, options)
  const rows = await store.scan(range, options)
  return rows.map((row) => entity.keyOf(side, row))
}
