import type { SweepRecord } from '@twinspan/core'

/** What a sweep came to. */
export type Outcome = 'equal' | 'drift' | 'undecided'

/** Keys that were repaired have drifted all the same: that both sides agree is for the next sweep to say. */
export function outcomeOf({ drift, undecided }: Pick<SweepRecord, 'drift' | 'undecided'>): Outcome {
  if (drift > 0) return 'drift'
  return undecided > 0 ? 'undecided' : 'equal'
}

/** For scripts: `0` equal, `1` drift, `2` undecided; `3` a sweep that failed, which has no record. */
export const EXIT_STATUS: Readonly<Record<Outcome | 'failed', number>> = { equal: 0, drift: 1, undecided: 2, failed: 3 }
