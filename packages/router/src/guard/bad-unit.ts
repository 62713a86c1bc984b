import type { SideName } from '@twinspan/core'
import type { Quantile } from './deltas.ts'

/** What a unit can be bad at. */
export type BadAt = `${'errors' | Quantile}.${SideName}` | 'integrity'

/**
 * A unit whose outcome was counted as bad, by a hash: enough to see in another process that it is the same unit again, and too
 * little to say who it is.
 */
export interface BadUnit {
  readonly at: BadAt
  readonly hash: number
}
