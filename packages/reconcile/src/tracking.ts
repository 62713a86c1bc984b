import type { ChangeLog, Json } from '@twinspan/core'
import type { Comparison } from './comparison.ts'

/** The document that says since when, and of what, changes are remembered; `null` while no complete sweep stands behind it. */
const documentOf = (entity: string): string => `changes:${entity}`

export interface Tracked {
  readonly incarnation: string
  readonly primary: string
  /** Rows of the primary at the last sweep. */
  readonly rows: number
}

/** The log of what changes on the primary; `undefined` where its adapter keeps none. */
export function changesOf({ migration, primary }: Comparison): ChangeLog | undefined {
  return migration.sides[primary].journal.changes
}

/** Before a sweep's first row. What was remembered is forgotten, and nothing stands behind the log until the sweep ends. */
export async function beginTracking(comparison: Comparison): Promise<void> {
  const { migration, entity } = comparison
  await migration.store.putDocument(documentOf(entity.name), null)
  await changesOf(comparison)?.start(entity.name)
}

/** After a sweep's last row. */
export async function endTracking(
  { migration, entity, incarnation, primary }: Comparison,
  rows: number,
): Promise<void> {
  const tracked: Tracked = { incarnation, primary, rows }
  await migration.store.putDocument(documentOf(entity.name), { ...tracked } as Json)
}

/** What stands behind the log; `undefined` when it is nothing, or something else than what is compared now. */
export async function readTracked(comparison: Comparison): Promise<Tracked | undefined> {
  const { migration, entity, incarnation, primary } = comparison
  const document = await migration.store.getDocument(documentOf(entity.name))
  const tracked = document?.value as Tracked | null | undefined
  return tracked?.incarnation === incarnation && tracked.primary === primary ? tracked : undefined
}
