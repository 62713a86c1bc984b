import { redact } from './errors.ts'
import type { Migration } from './migration.ts'
import { within } from './time.ts'

/** How long a write whose mark failed may wait for the record of it. */
const BUDGET_MS = 1_000

/**
 * Records, durably, that a write of an entity goes uncaptured. One finding for each process and entity: what counts is when
 * the newest gap was, because only a full sweep that began later clears any of them.
 *
 * @throws TimeoutError, or what the store threw: then nothing is known to be recorded.
 */
export async function recordGap(
  { store, instance }: Pick<Migration, 'store' | 'instance'>,
  entity: string,
  error: unknown,
): Promise<void> {
  await within(BUDGET_MS, 'The record of a capture gap', () =>
    store.saveFindings([{ kind: 'capture-gap', entity, subject: instance, detail: { error: redact(error) } }]),
  )
}
