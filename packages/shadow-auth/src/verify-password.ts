import { type Limits, resolveLimits } from './limits.ts'
import type { Refusal, Scheme } from './schemes/scheme.ts'

export interface VerifyOptions {
  readonly limits?: Partial<Limits>
}

export interface Verification {
  readonly ok: boolean
  /** The scheme that the hash was read as; absent when none claimed it. */
  readonly scheme?: string
  /** Absent when the hash was computed and compared: then `ok` is the answer. */
  readonly reason?: Refusal | 'ambiguous'
}

/**
 * Whether a password belongs to a stored hash. Never throws, however hostile the hash: what cannot be read says why in
 * `reason`, and nothing is derived for it.
 *
 * @param password text is taken as its UTF-8 bytes
 * @param schemes what the hash may be; one that none of them claims is refused
 */
export async function verifyPassword(
  password: string | Uint8Array,
  hash: string,
  schemes: readonly Scheme[],
  options: VerifyOptions = {},
): Promise<Verification> {
  const limits = resolveLimits(options.limits)
  const bytes = typeof password === 'string' ? Buffer.from(password) : Buffer.from(password)
  return verifyHash(bytes, hash, schemes, limits)
}

/** `verifyPassword` with its arguments already resolved. */
export async function verifyHash(
  password: Buffer,
  hash: string,
  schemes: readonly Scheme[],
  limits: Limits,
): Promise<Verification> {
  if (typeof hash !== 'string' || hash === '' || hash.length > limits.hashLength)
    return { ok: false, reason: 'malformed' }
  const claiming = schemes.filter((scheme) => scheme.claims(hash))
  const [scheme] = claiming
  if (scheme === undefined) return { ok: false, reason: looksLikeHash(hash) ? 'unsupported' : 'malformed' }
  if (claiming.some((other) => other.name !== scheme.name)) return { ok: false, reason: 'ambiguous' }
  const reading = scheme.read(hash, limits)
  if (!reading.ok) return { ok: false, scheme: scheme.name, reason: reading.reason }
  if (password.length > limits.passwordBytes) return { ok: false, scheme: scheme.name }
  const answer = await settle(reading.verify(password))
  if (typeof answer === 'string') return { ok: false, scheme: scheme.name, reason: answer }
  return { ok: answer, scheme: scheme.name }
}

// A library may refuse parameters that its format allows. That is a property of the hash, not a failure of ours.
async function settle(work: Promise<boolean | 'ambiguous'>): Promise<boolean | 'ambiguous' | 'unsupported'> {
  try {
    return await work
  } catch {
    return 'unsupported'
  }
}

/** Whether a string announces a scheme in one of the usual ways: `$id$...`, `{LABEL}...`, `name$...`, `name:...$`. */
function looksLikeHash(hash: string): boolean {
  return /^(?:\$[A-Za-z0-9_-]+[$,]|\{[A-Za-z0-9_.-]+\}|[A-Za-z0-9_]+[$:]|\*[0-9A-F]{40}$|md5[0-9a-f]{32}$)/.test(hash)
}
