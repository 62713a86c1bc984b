import { type Migration, recordGap, redact, TwinspanError, within } from '@twinspan/core'

/**
 * Sees to the calls of processes that died: their keys become marks, and what is not known of them a gap.
 *
 * @throws when the journal, or the store for a gap, cannot be reached: the calls stay dirty
 */
export async function reapCalls(migration: Migration, timeoutMs: number): Promise<void> {
  const { primary, captures } = migration.snapshot.plan
  const { intents } = migration.sides[primary]
  if (!captures || migration.capture[primary] !== 'intent' || intents === undefined) return
  const lost = await within(timeoutMs, `the calls in flight on ${primary}`, () => intents.reap(migration.intents))
  for (const { call, entity } of lost) {
    const error = new TwinspanError('TWINSPAN_UNAVAILABLE', 'The keys of a call whose owner died are not known.')
    // The gap first: the call counts as dirty until it is on record.
    await recordGap(migration, entity, error)
    migration.events.emit({ type: 'capture-gap', entity, error: redact(error) })
    await within(timeoutMs, `the calls in flight on ${primary}`, () => intents.end([{ call, entity, keys: [] }]))
  }
}
