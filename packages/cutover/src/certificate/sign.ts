import { createHash, createPrivateKey, createPublicKey, KeyObject, sign, verify } from 'node:crypto'
import { InvalidOptionError, type Json } from '@twinspan/core'
import { canonicalJson } from './canonical-json.ts'
import { CERTIFICATE_FORMAT, type Certificate, type CertificateClaims } from './certificate.ts'

/** A key of `node:crypto`, or its PEM. */
export type KeyLike = KeyObject | string | Buffer

export function privateKeyOf(key: KeyLike): KeyObject {
  return ed25519('privateKey', () => (key instanceof KeyObject ? key : createPrivateKey(key)), 'private')
}

function publicKeyOf(key: KeyLike): KeyObject {
  return ed25519('publicKey', () => (key instanceof KeyObject ? key : createPublicKey(key)), 'public')
}

/** The key itself never reaches a message: neither ours nor that of the parser. */
function ed25519(option: string, read: () => KeyObject, type: 'private' | 'public'): KeyObject {
  let key: KeyObject
  try {
    key = read()
  } catch {
    throw new InvalidOptionError(option, 'something unreadable', `an Ed25519 ${type} key, as a KeyObject or as PEM`)
  }
  if (key.type !== type || key.asymmetricKeyType !== 'ed25519')
    throw new InvalidOptionError(option, `a ${key.asymmetricKeyType ?? ''} ${key.type} key`, `an Ed25519 ${type} key`)
  return key
}

export function signClaims(claims: CertificateClaims, key: KeyObject): Certificate {
  const value = sign(null, bytesOf(claims), key).toString('base64')
  return { ...claims, signature: { algorithm: 'ed25519', key: fingerprint(createPublicKey(key)), value } }
}

export interface CertificateReport {
  readonly ok: boolean
  /** What is wrong, one sentence each; empty when `ok`. */
  readonly problems: readonly string[]
}

/**
 * Whether a certificate is what the holder of the key signed, and says that nothing was left to copy. Never throws for what
 * the certificate holds, only for a key that is none.
 *
 * @param certificate as it was read from JSON
 */
export function verifyCertificate(certificate: unknown, publicKey: KeyLike): CertificateReport {
  const key = publicKeyOf(publicKey)
  const problems = problemsOf(certificate, key)
  return { ok: problems.length === 0, problems }
}

function problemsOf(certificate: unknown, key: KeyObject): readonly string[] {
  if (typeof certificate !== 'object' || certificate === null || Array.isArray(certificate)) return ['it is no object']
  const { signature, ...claims } = certificate as Partial<Certificate>
  if (claims.format !== CERTIFICATE_FORMAT) return ['it is no certificate of the format that this version reads']
  if (typeof signature !== 'object' || typeof signature?.value !== 'string') return ['it is not signed']
  const problems: string[] = []
  if (signature.algorithm !== 'ed25519') problems.push('its signature is of an unknown kind')
  if (signature.key !== fingerprint(key)) problems.push('it names another key than this one')
  if (!isSigned(claims, signature.value, key))
    problems.push('its signature does not fit: it was changed, or signed with another key')
  for (const count of ['journal', 'parked', 'gaps'] as const)
    if (claims[count] !== 0) problems.push(`it says ${count} ${JSON.stringify(claims[count])}, not 0`)
  return problems
}

function isSigned(claims: object, value: string, key: KeyObject): boolean {
  try {
    return verify(null, bytesOf(claims), key, Buffer.from(value, 'base64'))
  } catch {
    return false
  }
}

function bytesOf(claims: object): Buffer {
  return Buffer.from(canonicalJson(claims as Json))
}

function fingerprint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}
