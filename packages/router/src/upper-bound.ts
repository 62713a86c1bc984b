/**
 * Somebody else's say in who may read from target: a flag that is kept elsewhere. It can only take people away, and a kill
 * needs nobody's consent.
 */
export interface UpperBound {
  /** Whether `unit` may read from target, by what is known now. Synchronous; what is not known is no. Never throws. */
  allows(unit: string): boolean
  /** Finds out about `unit`, so that `allows` knows. Never rejects, and takes no longer than its budget. */
  prepare(unit: string): Promise<void>
}
