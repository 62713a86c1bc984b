import { numberOption } from '@twinspan/core'

/**
 * What a stored hash and a typed password may ask for. A hash beyond a limit is refused before any key derivation: a
 * row that somebody planted cannot make the service compute for minutes.
 */
export interface Limits {
  /** Longest password, in bytes of UTF-8. */
  readonly passwordBytes: number
  /** Longest login, in bytes of UTF-8. */
  readonly loginBytes: number
  /** Longest stored hash, in characters. */
  readonly hashLength: number
  /** Argon2: memory in KiB. */
  readonly argon2Memory: number
  /** Argon2: memory in KiB times passes. */
  readonly argon2Work: number
  /** Argon2: lanes. */
  readonly argon2Lanes: number
  /** bcrypt: the logarithmic cost. */
  readonly bcryptCost: number
  /** PBKDF2: iterations times blocks of output. */
  readonly pbkdf2Iterations: number
  /** scrypt: memory in bytes, 128 · N · r. */
  readonly scryptMemory: number
  /** scrypt: N · r · p. */
  readonly scryptWork: number
  /** Rounds of the digests that run in JavaScript: md5-crypt, sha-crypt, phpass. */
  readonly rounds: number
}

/** About a second of one core at most for anything that is accepted. */
export const DEFAULT_LIMITS: Limits = {
  passwordBytes: 1_024,
  loginBytes: 512,
  hashLength: 1_024,
  argon2Memory: 262_144,
  argon2Work: 786_432,
  argon2Lanes: 16,
  bcryptCost: 14,
  pbkdf2Iterations: 2_000_000,
  scryptMemory: 268_435_456,
  scryptWork: 2_097_152,
  rounds: 1_000_000,
}

export function resolveLimits(limits: Partial<Limits> = {}): Limits {
  const entries = Object.entries(DEFAULT_LIMITS).map(([name, fallback]) => {
    const given = limits[name as keyof Limits]
    return [name, numberOption(`limits.${name}`, given, fallback, { min: 1, integer: true })]
  })
  return Object.fromEntries(entries) as Limits
}
