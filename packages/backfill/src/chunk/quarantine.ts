import { backfillDocument, ErrorBudgetError, findingSubject, keyText } from '@twinspan/core'
import type { Job } from '../job.ts'
import { reach } from '../reach.ts'
import type { BrokenRow } from './insert-chunk.ts'

/** What findings of a backfill are filed under. */
const FINDING_KIND = 'backfill'

/**
 * Records rows that could not be copied, without their keys or values.
 *
 * @param total how many there are with those of earlier chunks
 * @throws ErrorBudgetError when that is more than the budget allows
 */
export async function quarantine(job: Job, rows: readonly BrokenRow[], total: number): Promise<void> {
  if (rows.length === 0) return
  const { entity, migration, settings } = job
  const subject = await reach('store', () => findingSubject(migration.store, settings.findingSecret))
  const findings = rows.map((row) => ({
    kind: FINDING_KIND,
    entity: entity.name,
    subject: subject(entity.name, keyText(row.key)),
    detail: { reason: 'quarantined', error: row.why },
  }))
  await reach('store', () => migration.store.saveFindings(findings))
  if (total > settings.errorBudget)
    throw new ErrorBudgetError(backfillDocument(entity.name), total, settings.errorBudget)
}
