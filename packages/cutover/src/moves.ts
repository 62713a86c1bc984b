import { type Phase, PLANS, type SideName } from '@twinspan/core'

/** The changes of phase that are the cutover's. */
export type MoveName = 'cutover' | 'fenced-copy' | 'complete' | 'rollback' | 'reopen'

export interface Move {
  readonly name: MoveName
  readonly from: Phase
  readonly to: Phase
  /**
   * What brings the other side level while writers are held back: the mirrors, which empty the journal, or a copy of
   * everything. `null`: nobody is held back.
   */
  readonly level: 'drain' | 'copy' | null
}

/** There and back, the short road, and the last step. A sixth change is a sixth row. */
export const MOVES: Readonly<Record<MoveName, Move>> = {
  cutover: { name: 'cutover', from: 'canary', to: 'target-primary', level: 'drain' },
  // No process is between the two: the fence lets nobody write by the old phase, and in `capture` nothing is mirrored.
  'fenced-copy': { name: 'fenced-copy', from: 'capture', to: 'target-primary', level: 'copy' },
  complete: { name: 'complete', from: 'target-primary', to: 'complete', level: 'drain' },
  rollback: { name: 'rollback', from: 'target-primary', to: 'canary', level: 'drain' },
  // Nothing was captured in `complete`, so there is nothing to drain before it is captured again.
  reopen: { name: 'reopen', from: 'complete', to: 'target-primary', level: null },
}

/** The side whose fence row decides a move: the primary that it starts from. */
export function decidingSide(move: Move): SideName {
  return PLANS[move.from].primary
}
