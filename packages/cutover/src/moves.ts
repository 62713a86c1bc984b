import { type Phase, PLANS, type SideName } from '@twinspan/core'

/** The changes of phase that are the cutover's. */
export type MoveName = 'cutover' | 'complete' | 'rollback' | 'reopen'

export interface Move {
  readonly name: MoveName
  readonly from: Phase
  readonly to: Phase
  /**
   * Whether writes are held back while the journal drains, so that the side that is left holds exactly what the primary
   * acknowledged up to the decision.
   */
  readonly fenced: boolean
}

/** There and back, and the last step. A fifth change is a fifth row. */
export const MOVES: Readonly<Record<MoveName, Move>> = {
  cutover: { name: 'cutover', from: 'canary', to: 'target-primary', fenced: true },
  complete: { name: 'complete', from: 'target-primary', to: 'complete', fenced: true },
  rollback: { name: 'rollback', from: 'target-primary', to: 'canary', fenced: true },
  // Nothing was captured in `complete`, so there is nothing to drain before it is captured again.
  reopen: { name: 'reopen', from: 'complete', to: 'target-primary', fenced: false },
}

/** The side whose fence row decides a move: the primary that it starts from. */
export function decidingSide(move: Move): SideName {
  return PLANS[move.from].primary
}
