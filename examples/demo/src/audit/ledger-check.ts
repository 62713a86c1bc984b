import type { LedgerEntry, Written } from '../traffic/ledger.ts'

/** An acknowledged write whose effect is not there, though no later acknowledged write explains that. */
export interface LostWrite {
  readonly n: number
  readonly entity: string
  readonly key: number
  readonly operation: string
  /** ISO 8601. */
  readonly at: string
  /** The fields that are not as they were written; `(row)` when the row is missing or should be. */
  readonly fields: readonly string[]
}

export interface LedgerVerdict {
  readonly acknowledged: number
  readonly unknown: number
  readonly keys: number
  readonly lost: readonly LostWrite[]
}

/** The final state of a key as the store has it, `null` when there is no row. */
export type FinalState = (entity: LedgerEntry['entity'], key: number) => Written

/**
 * Holds the ledger against what the store ended up with.
 *
 * A key may end in the state of any write that no acknowledged write followed: one that was answered before another was
 * sent is superseded by it; of writes that overlapped, any may be the last; one without an answer may have happened or not.
 */
export function checkLedger(entries: readonly LedgerEntry[], finalState: FinalState): LedgerVerdict {
  const lost: LostWrite[] = []
  const byKey = Map.groupBy(
    entries.filter((entry) => entry.key !== null),
    (entry) => `${entry.entity} ${entry.key}`,
  )
  for (const writes of byKey.values()) {
    const acknowledged = writes.filter((write) => write.outcome === 'acknowledged')
    const lastSent = Math.max(...acknowledged.map((write) => write.sent))
    const candidates = writes.filter((write) => write.outcome === 'unknown' || write.answered >= lastSent)
    const promised = candidates.filter((write) => write.outcome === 'acknowledged')
    const [newest] = promised.toSorted((a, b) => b.answered - a.answered)
    if (newest === undefined) continue
    const { entity, key, operation, n, state } = newest
    const found = finalState(entity, key as number)
    if (candidates.some((write) => differing(write.state, found).length === 0)) continue
    lost.push({
      n,
      entity,
      key: key as number,
      operation,
      at: new Date(newest.answered).toISOString(),
      fields: differing(state, found),
    })
  }
  const acknowledged = entries.filter((entry) => entry.outcome === 'acknowledged').length
  return { acknowledged, unknown: entries.length - acknowledged, keys: byKey.size, lost }
}

/** The names of the fields of `written` that `found` does not have. */
function differing(written: Written, found: Written): readonly string[] {
  if (written === null || found === null) return written === found ? [] : ['(row)']
  return Object.keys(written).filter((field) => JSON.stringify(written[field]) !== JSON.stringify(found[field]))
}
