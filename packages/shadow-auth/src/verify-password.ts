import { InvalidOptionError } from '@twinspan/core'
import { type Limits, resolveLimits } from './limits.ts'
import type { HashParams, Reading, Refusal, Scheme } from './schemes/scheme.ts'

export interface VerifyOptions {
  readonly limits?: Partial<Limits>
  /**
   * What belongs to the hash and is kept elsewhere: `{ salt }` from a column of its own, `{ username }`, `{ pepper }`,
   * `{ signerKey }`.
   */
  readonly params?: HashParams
}

export interface Verification {
  readonly ok: boolean
  /** The scheme that the hash was read as; absent when none claimed it. */
  readonly scheme?: string
  /** Absent when the hash was computed and compared: then `ok` is the answer. */
  readonly reason?: Refusal
}

/**
 * Whether a password belongs to a stored hash. Never throws, however hostile the hash: what cannot be read says why in
 * `reason`, and nothing is derived for it.
 *
 * @param password text is taken as its UTF-8 bytes; text with half a surrogate pair belongs to no hash
 * @param schemes what the hash may be; one that none of them claims is refused
 * @throws InvalidOptionError for options that are none
 */
export async function verifyPassword(
  password: string | Uint8Array,
  hash: string,
  schemes: readonly Scheme[],
  options: VerifyOptions = {},
): Promise<Verification> {
  const limits = resolveLimits(options.limits)
  for (const [name, value] of Object.entries(options.params ?? {})) {
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
      throw new InvalidOptionError(`params.${name}`, value, 'a string or bytes')
    }
  }
  const bytes = bytesOf(password)
  const read = readHash(hash, schemes, limits, options.params)
  if (!read.ok) return read
  const { scheme, reading } = read
  if (bytes === undefined || bytes.length > limits.passwordBytes) return { ok: false, scheme: scheme.name }
  const answer = await settle(reading.verify(bytes))
  if (typeof answer === 'string') return { ok: false, scheme: scheme.name, reason: answer }
  return { ok: answer, scheme: scheme.name }
}

/** A stored hash, and what belongs to it without being in it. */
export interface StoredHash {
  readonly hash: string
  readonly params?: HashParams
}

export interface HashRead {
  readonly ok: true
  readonly scheme: Scheme
  readonly reading: Reading
}

export interface HashRefused {
  readonly ok: false
  readonly scheme?: string
  readonly reason: Refusal
}

/** What a hash is among these schemes. Derives nothing. */
export function readHash(
  hash: string,
  schemes: readonly Scheme[],
  limits: Limits,
  params?: HashParams,
): HashRead | HashRefused {
  if (typeof hash !== 'string' || hash === '' || hash.length > limits.hashLength)
    return { ok: false, reason: 'malformed' }
  const claiming = schemes.filter((scheme) => scheme.claims(hash))
  const [scheme] = claiming
  if (scheme === undefined) return { ok: false, reason: reasonOfStranger(hash) }
  if (claiming.some((other) => other.name !== scheme.name)) return { ok: false, reason: 'ambiguous' }
  const reading = scheme.read(hash, limits, params)
  return reading.ok ? { ok: true, scheme, reading } : { ok: false, scheme: scheme.name, reason: reading.reason }
}

// Every encoder replaces half a surrogate pair by one and the same character, so that many texts would be one password.
function bytesOf(password: string | Uint8Array): Buffer | undefined {
  if (password instanceof Uint8Array) return Buffer.from(password)
  return typeof password === 'string' && !/\p{Surrogate}/u.test(password) ? Buffer.from(password) : undefined
}

// A library may refuse parameters that its format allows. That is a property of the hash, not a failure of ours.
export async function settle(work: Promise<boolean | 'ambiguous'>): Promise<boolean | 'ambiguous' | 'unsupported'> {
  try {
    return await work
  } catch {
    return 'unsupported'
  }
}

/** Hex of the length of a digest and nothing else: MD5, NTLM, MD4 and many more write the same. */
const BARE_DIGEST = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{48}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/i

/** A scheme announced in one of the usual ways: `$id$...`, `{LABEL}...`, `name$...`, `name:...$`, des-crypt, BSDi. */
const ANNOUNCED =
  /^(?:\$[A-Za-z0-9_-]{1,40}[$,]|\{[A-Za-z0-9_.-]{1,40}\}|[A-Za-z0-9_]{1,40}[$:]|[./0-9A-Za-z]{13}$|_[./0-9A-Za-z]{19}$)/

function reasonOfStranger(hash: string): Refusal {
  if (BARE_DIGEST.test(hash)) return 'ambiguous'
  return ANNOUNCED.test(hash) ? 'unsupported' : 'malformed'
}
