/** A call that is about to be made on a primary whose writes no database of ours sees. */
export interface Intent {
  /** Names the call. Unique for ever: a UUID. */
  readonly call: string
  readonly entity: string
  /** The keys that the call touches (`keyText`); none where only its answer will tell. */
  readonly keys: readonly string[]
}

export interface EndedCall extends Intent {
  /**
   * For how long the call may still take effect, because nobody knows what became of it: its keys stay dirty for so long and
   * are marked once more at the end.
   *
   * @default the call is over
   */
  readonly quarantineMs?: number
}

/** A call of unknown keys whose owner died, or whose outcome nobody learnt: a full sweep has to find what it wrote. */
export interface LostCall {
  readonly call: string
  readonly entity: string
}

/**
 * Calls in flight on a primary, in a table of their own beside the journal. They count as dirty (`Journal.dirty`, `hasDirty`,
 * `stats`), so that a switch and a canary wait for them; no copier sees them.
 *
 * Times are by the clock of this database.
 */
export interface Intents {
  /**
   * Records the call, in one round trip and before it is made.
   *
   * @throws StalePhaseError when this side does not accept primary writes: nothing was recorded, and the call must not be made.
   */
  begin(intent: Intent, options: { readonly holdMs: number }): Promise<void>
  /** Says that the owner of these calls is alive. A call that was given up for dead and is not forgotten yet is held again. */
  extend(calls: readonly string[], options: { readonly holdMs: number }): Promise<void>
  /**
   * Marks the keys of these calls, with new rows of the journal, and forgets the calls: one transaction. The marks are made
   * for a call that is forgotten already too.
   *
   * The rows are new ones whatever the journal holds: a copier that has seen an older one may have read the primary before
   * the call took effect, and removes what it has seen.
   */
  end(calls: readonly EndedCall[]): Promise<void>
  /**
   * Sees to calls whose owner did not extend them in time. Their keys are marked and stay dirty for `quarantineMs`, in which a
   * call that was under way may still take effect; then they are marked once more and forgotten.
   *
   * @returns the calls of unknown keys whose quarantine is over. They are forgotten when they are ended, which is for the
   * caller to do once he has recorded the gap.
   */
  reap(options: { readonly quarantineMs: number }): Promise<readonly LostCall[]>
}
