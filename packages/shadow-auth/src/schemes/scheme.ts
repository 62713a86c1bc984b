import { timingSafeEqual } from 'node:crypto'
import type { Limits } from '../limits.ts'

/**
 * Why a stored hash cannot be verified: its parts are wrong, we do not know it, it asks for too much work, or the string
 * alone does not decide: several schemes write it, or it is of no use without something that is kept elsewhere.
 */
export type Refusal = 'malformed' | 'unsupported' | 'cost' | 'ambiguous'

/**
 * What belongs to a hash and is kept elsewhere: `salt` from a column of its own, `username`, a server's `pepper` or
 * `signerKey`. Text stands for its UTF-8 bytes.
 */
export type HashParams = Readonly<Record<string, string | Uint8Array>>

/** A hash that was parsed and whose cost is within the limits. */
export interface Reading {
  readonly ok: true
  /** What the hash costs, by the names its own format uses: `{ m, t, p }`, `{ cost }`, `{ iterations }`. */
  readonly params: CostParams
  /** `'ambiguous'`: two implementations that write this format disagree about this password. */
  verify(password: Buffer): Promise<boolean | 'ambiguous'>
  /** The hash in two parts, so that a stronger hash can be put around it. Absent: this one cannot be wrapped. */
  readonly inner?: Inner
  /** What a verification computes, where it is more than one derivation of this scheme. */
  readonly work?: readonly Work[]
}

/** One key derivation, by what it costs. */
export interface Work {
  readonly scheme: Scheme
  readonly params: CostParams
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
  /**
   * Parses a hash that the scheme claims and holds it against the limits. Derives nothing and never throws.
   *
   * @param params what belongs to the hash and is not in the string; `ambiguous` when the scheme needs it and has it not
   */
  read(hash: string, limits: Limits, params?: HashParams): Reading | Refused
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

/** The bytes of a parameter; `undefined` when it is not given. */
export function paramBytes(params: HashParams | undefined, name: string): Buffer | undefined {
  if (params === undefined || !Object.hasOwn(params, name)) return undefined
  const value = params[name]
  return value === undefined ? undefined : Buffer.from(value as Uint8Array)
}

/** Compares two digests in time that depends on their lengths alone. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b)
}

/** Compares two strings of ASCII in time that depends on their lengths alone. */
export function sameText(a: string, b: string): boolean {
  return sameBytes(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'))
}
