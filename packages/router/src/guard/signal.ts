import type { Strongest } from './cusum.ts'

/** What one signal has to say at a moment. */
export interface Finding {
  readonly signal: 'errors' | 'latency' | 'integrity'
  /** Natural logarithm of the evidence against target. */
  readonly log: number
  readonly strongest: Strongest
}
