import type { Limits } from './limits.ts'
import { type HashParams, type PasswordHasher, refuse, type Scheme } from './schemes/scheme.ts'
import { readHash, type StoredHash } from './verify-password.ts'

const PREFIX = '$twinspan-wrapped$'
const FORM = /^\$twinspan-wrapped\$([\w-]+)(\$.+)$/

/** The name of wrapped hashes in telemetry and reports. */
export const WRAPPED = 'wrapped'

/**
 * Hashes of ours around the digests of others: `$twinspan-wrapped$`, what is public of the old hash, the new hash of its
 * digest. Whoever steals one has to search at the cost of the new hash. To verify, the old digest is computed of what was
 * typed and handed on; what was typed itself never meets the outer hash, or a stolen digest would open the account.
 */
export function wrapped(hasher: PasswordHasher, schemes: readonly Scheme[]): Scheme {
  return {
    name: WRAPPED,
    claims: (hash) => hash.startsWith(PREFIX),
    read(hash, limits) {
      const [, coded = '', outerHash = ''] = FORM.exec(hash) ?? []
      const stored = decode(coded)
      if (stored === undefined || !hasher.claims(outerHash)) return refuse('malformed')
      const read = readHash(stored.hash, schemes, limits, stored.params)
      if (!read.ok) return refuse(read.reason)
      const { scheme, reading } = read
      const { inner } = reading
      if (inner === undefined) return refuse('unsupported')
      const outer = hasher.read(outerHash, limits)
      if (!outer.ok) return outer
      return {
        ok: true,
        params: { ...reading.params, ...outer.params },
        work: [
          { scheme, params: reading.params },
          { scheme: hasher, params: outer.params },
        ],
        verify: async (password) => outer.verify(sealed(scheme, await inner.derive(password))),
      }
    },
    dummy: () => PREFIX + encode({ hash: schemes[0]?.dummy() ?? '' }) + hasher.dummy(),
  }
}

/** Puts a hash of ours around a stored one; `undefined` when its scheme cannot be wrapped or it cannot be read. */
export async function wrap(
  { hash, params }: StoredHash,
  hasher: PasswordHasher,
  schemes: readonly Scheme[],
  limits: Limits,
): Promise<string | undefined> {
  const read = readHash(hash, schemes, limits, params)
  if (!read.ok || read.reading.inner === undefined) return undefined
  const { shell, digest } = read.reading.inner
  const outer = await hasher.hash(sealed(read.scheme, digest))
  const made = PREFIX + encode({ hash: shell, ...(params === undefined ? {} : { params }) }) + outer
  // What could not be read again would lock its owner out.
  return wrapped(hasher, schemes).read(made, limits).ok && made.length <= limits.hashLength ? made : undefined
}

// Not the digest alone: were the prefix ever lost, the digest would be a password of the outer hash.
function sealed({ name }: Scheme, digest: string): Buffer {
  return Buffer.from(`twinspan/wrapped\0${name}\0${digest}`)
}

function encode({ hash, params = {} }: StoredHash): string {
  const texts = Object.entries(params).map(([name, value]) => [
    name,
    typeof value === 'string' ? 'text' : 'bytes',
    typeof value === 'string' ? value : Buffer.from(value).toString('base64'),
  ])
  return Buffer.from(JSON.stringify([hash, ...texts])).toString('base64url')
}

function decode(coded: string): StoredHash | undefined {
  try {
    const [hash, ...texts] = JSON.parse(Buffer.from(coded, 'base64url').toString()) as [string, ...string[][]]
    if (typeof hash !== 'string') return undefined
    const params: HashParams = Object.fromEntries(
      texts.map(([name, kind, value = '']) => [name, kind === 'text' ? value : Buffer.from(value, 'base64')]),
    )
    return { hash, params }
  } catch {
    return undefined
  }
}
