import { createHmac } from 'node:crypto'
import { InvalidOptionError, type KeyPart, keyText, type LegacyCredentials } from '@twinspan/core'

/** Makes of a legacy hash what tells later whether it has changed, and nothing else. */
export interface Fingerprints {
  of(uid: KeyPart, legacyHash: string): Promise<string>
}

/**
 * Fingerprints under the given key or, without one, under a key that the legacy database keeps.
 *
 * A fingerprint is stored in the target, beside the new hash. Were it a plain digest of the legacy hash, a thief of the
 * target could search it for passwords as fast as the legacy hash allows, and an unsalted MD5 allows billions a second.
 * With the key beside the legacy hashes, whoever has the key has nothing left to search for.
 */
export function createFingerprints(
  legacy: Pick<LegacyCredentials, 'fingerprintKey'> | undefined,
  given: string | Uint8Array | undefined,
): Fingerprints {
  const fixed = given === undefined ? undefined : checked(given)
  let kept: Promise<Uint8Array> | undefined

  const key = (): Promise<Uint8Array> => {
    if (fixed !== undefined) return Promise.resolve(fixed)
    if (legacy === undefined) return Promise.reject(new Error('There is no legacy store.'))
    kept ??= legacy.fingerprintKey().catch((error: unknown) => {
      kept = undefined
      throw error
    })
    return kept
  }

  return {
    async of(uid, legacyHash) {
      const hmac = createHmac('sha256', await key())
      return hmac.update(`twinspan/legacy-hash\0${keyText(uid)}\0${legacyHash}`).digest('base64url')
    },
  }
}

function checked(key: string | Uint8Array): Buffer {
  const usable = typeof key === 'string' || key instanceof Uint8Array
  const bytes = usable ? Buffer.from(key as string) : Buffer.alloc(0)
  // The value stays out of the message: it is a secret.
  if (bytes.length < 16)
    throw new InvalidOptionError('fingerprintKey', undefined, 'at least 16 bytes, as text or Uint8Array')
  return bytes
}
