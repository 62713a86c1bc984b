import { type AuditEntry, captured, type Migration, PhaseRefusedError } from '@twinspan/core'

/** Who freezes or thaws, for the audit trail. */
export interface Freezing {
  /** @default 'unknown' */
  readonly actor?: string
  /** @default '' */
  readonly reason?: string
}

/** Makes every write on legacy fail, and the engine count them where it can. */
export async function freeze(migration: Migration, by: Freezing): Promise<void> {
  await inComplete(migration, 'legacy takes the writes of users or of the reverse mirror')
  await migration.sides.legacy.freeze.install(captured(migration.entities, 'legacy'))
  await migration.store.appendAudit(entry(migration, 'frozen', by))
}

/** Takes the freeze away. Writes to legacy stay there: nothing captures them for the target. */
export async function thaw(migration: Migration, by: Freezing): Promise<void> {
  await inComplete(migration, 'legacy is not frozen')
  const entities = captured(migration.entities, 'legacy')
  // Capture refuses, too: by its fence, legacy is not the primary. The way back installs it again.
  if (migration.capture.legacy === 'trigger') await migration.sides.legacy.capture.uninstall(entities)
  await migration.sides.legacy.freeze.uninstall(entities)
  await migration.store.appendAudit(entry(migration, 'thawed', by))
}

async function inComplete(migration: Migration, why: string): Promise<void> {
  const { phase } = await migration.refresh()
  if (phase !== 'complete')
    throw new PhaseRefusedError(migration.name, phase, 'complete', `in ${phase} ${why}. Nothing was changed`)
}

function entry(
  migration: Migration,
  to: 'frozen' | 'thawed',
  { actor = 'unknown', reason = '' }: Freezing,
): AuditEntry {
  const from = to === 'frozen' ? 'thawed' : 'frozen'
  return { at: migration.now(), epoch: migration.snapshot.epoch, action: 'freeze', from, to, actor, reason }
}
