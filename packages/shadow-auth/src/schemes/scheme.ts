import { timingSafeEqual } from 'node:crypto'
import type { Limits } from '../limits.ts'

/** Why a stored hash cannot be verified: its parts are wrong, we do not know it, or it asks for too much work. */
export type Refusal = 'malformed' | 'unsupported' | 'cost'

/** A hash that was parsed and whose cost is within the limits. */
export interface Reading {
  readonly ok: true
  /** What the hash costs, by the names its own format uses: `{ m, t, p }`, `{ cost }`, `{ iterations }`. */
  readonly params: CostParams
  /** `'ambiguous'`: two implementations that write this format disagree about this password. */
  verify(password: Buffer): Promise<boolean | 'ambiguous'>
  /** The hash in two parts, so that a stronger hash can be put around it. Absent: this one cannot be wrapped. */
  readonly inner?: Inner
}

/** A stored hash, taken apart: what is public of it, and the digest. */
export interface Inner {
  /** The hash with zeros for its digest. Reading it gives the same `derive`. */
  readonly shell: string
  /** The digest, spelled as `derive` spells it. */
  readonly digest: string
  derive(password: Buffer): Promise<string>
}

export type CostParams = Readonly<Record<string, number>>

export interface Refused {
  readonly ok: false
  readonly reason: Refusal
}

/** One format of stored password hashes. */
export interface Scheme {
  /** A short stable name from a closed set: it appears in telemetry. */
  readonly name: string
  /** Whether the string has this scheme's form, however wrong its parts are. Cheap, and never throws. */
  claims(hash: string): boolean
  /** Parses a hash that the scheme claims and holds it against the limits. Derives nothing and never throws. */
  read(hash: string, limits: Limits): Reading | Refused
  /**
   * A well-formed hash of a password that nobody knows: what a login without a hash is verified against.
   *
   * @param params the cost of the hashes it stands in for, as `read` reported it; absent: the format's usual cost
   */
  dummy(params?: CostParams): string
}

/** A scheme that new hashes are made with. */
export interface PasswordHasher extends Scheme {
  hash(password: Buffer): Promise<string>
  /** Whether a stored hash, of whatever scheme, is weaker than what `hash` makes now. */
  isWeaker(hash: string): boolean
}

/** The reading of a hash that is verified by computing its digest again. */
export function readingOf(params: CostParams, inner: Inner): Reading {
  return { ok: true, params, inner, verify: async (password) => sameText(await inner.derive(password), inner.digest) }
}

export function refuse(reason: Refusal): Refused {
  return { ok: false, reason }
}

/** Compares two digests in time that depends on their lengths alone. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b)
}

/** Compares two strings of ASCII in time that depends on their lengths alone. */
export function sameText(a: string, b: string): boolean {
  return sameBytes(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'))
}
