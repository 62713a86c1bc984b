import type { Cusum } from './cusum.ts'

/** What one signal has to say at a moment. */
export interface Finding {
  readonly signal: 'errors' | 'latency' | 'integrity'
  /** Natural logarithm of the evidence against target. */
  readonly log: number
  /** Where the counts behind it are. */
  readonly from: Cusum
}
