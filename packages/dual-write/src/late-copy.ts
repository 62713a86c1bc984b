import { type Migration, recordGap, type SideName } from '@twinspan/core'
import type { DirtyKey } from './batch.ts'

/**
 * A copy that failed may still arrive, behind newer ones. Where the stores do not refuse it that is a gap: the switch waits for
 * a full sweep that begins later. A store that takes no record leaves it to the sweep that an unguarded side needs anyway.
 */
export async function noteLateCopy(
  migration: Migration,
  to: SideName,
  keys: readonly DirtyKey[],
  error: unknown,
): Promise<void> {
  if (migration.sides[to].opaque?.guard !== 'none') return
  for (const entity of new Set(keys.map((key) => key.entity.name))) {
    await recordGap(migration, entity, error).catch(() => {})
  }
}
