import { type Journal, type JournalStats, within } from '@twinspan/core'

/** Rows that one call may look at, and calls per turn: what the primary is asked for in an outage stays small. */
const ROWS_AT_ONCE = 1_000
const CALLS_AT_ONCE = 10

export interface CompactorOptions {
  /** From how many rows on a journal is worth the trouble. */
  readonly above: number
  readonly timeoutMs: number
}

/**
 * Keeps a journal near one row per key while nobody can be copied to. Each call goes on where the last one ended.
 *
 * @throws when the journal cannot be reached
 */
export function createCompactor({
  above,
  timeoutMs,
}: CompactorOptions): (journal: Journal, stats: JournalStats) => Promise<void> {
  let after: string | undefined
  return async (journal, { depth, parked }) => {
    if (journal.compact === undefined || depth - parked <= above) return
    for (let call = 0; call < CALLS_AT_ONCE; call++) {
      const compacting = journal.compact({ limit: ROWS_AT_ONCE, ...(after === undefined ? {} : { after }) })
      const { next } = await within(timeoutMs, 'a compaction of the journal', () => compacting)
      after = next
      if (after === undefined) return
    }
  }
}
