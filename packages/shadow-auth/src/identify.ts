import { DEFAULT_LIMITS } from './limits.ts'
import { allSchemes } from './schemes/all.ts'
import type { CostParams, Refusal } from './schemes/scheme.ts'

export interface Identified {
  readonly scheme: string
  /** The cost parameters; absent when the hash could not be read. */
  readonly params?: CostParams
  /** Why it could not be read, or would be refused under the default limits. */
  readonly reason?: Refusal
}

const SCHEMES = allSchemes()

/** What a stored hash is, by its form alone; `undefined` when no scheme claims it. Derives nothing. */
export function identify(hash: string): Identified | undefined {
  if (typeof hash !== 'string' || hash.length > DEFAULT_LIMITS.hashLength) return undefined
  const scheme = SCHEMES.find((candidate) => candidate.claims(hash))
  if (scheme === undefined) return undefined
  const reading = scheme.read(hash, DEFAULT_LIMITS)
  return reading.ok ? { scheme: scheme.name, params: reading.params } : { scheme: scheme.name, reason: reading.reason }
}
