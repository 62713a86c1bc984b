import { pbkdf2 as derive, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { Limits } from '../limits.ts'
import { fromAdaptedBase64, fromAnyBase64, fromPaddedBase64, integer, parsePairs, toBase64 } from './encoding.ts'
import { type CostParams, type Reading, type Refused, refuse, type Scheme, sameBytes } from './scheme.ts'

const pbkdf2 = promisify(derive)

const DIGEST_BYTES = { sha1: 20, sha256: 32, sha512: 64 } as const
type Digest = keyof typeof DIGEST_BYTES

interface Parts {
  readonly iterations: number | undefined
  readonly salt: Buffer | undefined
  readonly key: Buffer | undefined
}

/** Django: `pbkdf2_sha256$iterations$salt$key`. */
export function djangoPbkdf2Sha256(): Scheme {
  return django('sha256')
}

/** Django: `pbkdf2_sha1$iterations$salt$key`. */
export function djangoPbkdf2Sha1(): Scheme {
  return django('sha1')
}

/** Passlib's `$pbkdf2$iterations$salt$key`, and the PHC form `$pbkdf2-sha1$i=..,l=..$salt$key`. */
export function pbkdf2Sha1(): Scheme {
  return modular('sha1', ['$pbkdf2$', '$pbkdf2-sha1$'])
}

/** `$pbkdf2-sha256$` of passlib, and its PHC form. */
export function pbkdf2Sha256(): Scheme {
  return modular('sha256', ['$pbkdf2-sha256$'])
}

/** `$pbkdf2-sha512$` of passlib, and its PHC form. */
export function pbkdf2Sha512(): Scheme {
  return modular('sha512', ['$pbkdf2-sha512$'])
}

/** Jira, Confluence, Crowd: `{PKCS5S2}`. */
export function atlassianPbkdf2(): Scheme {
  const prefix = '{PKCS5S2}'
  return {
    name: 'atlassian-pbkdf2',
    claims: (hash) => hash.startsWith(prefix),
    read(hash, limits) {
      const bytes = fromPaddedBase64(hash.slice(prefix.length))
      if (bytes?.length !== 48) return refuse('malformed')
      return reading('sha1', { iterations: 10_000, salt: bytes.subarray(0, 16), key: bytes.subarray(16) }, limits)
    },
    dummy: () => prefix + randomBytes(48).toString('base64'),
  }
}

/** The boot loader GRUB 2: `grub.pbkdf2.sha512.iterations.salt.key`, in hex. */
export function grubPbkdf2Sha512(): Scheme {
  return {
    name: 'grub-pbkdf2-sha512',
    claims: (hash) => hash.startsWith('grub.pbkdf2.sha512.'),
    read(hash, limits) {
      const [, iterations, salt, key] =
        /^grub\.pbkdf2\.sha512\.(\d+)\.((?:[0-9A-F]{2})+)\.((?:[0-9A-F]{2})+)$/i.exec(hash) ?? []
      if (salt === undefined || key === undefined) return refuse('malformed')
      return reading('sha512', { iterations: integer(iterations), salt: hex(salt), key: hex(key) }, limits)
    },
    dummy: ({ iterations = 10_000 }: CostParams = {}) =>
      `grub.pbkdf2.sha512.${iterations}.${randomBytes(64).toString('hex')}.${randomBytes(64).toString('hex')}`,
  }
}

function django(digest: Digest): Scheme {
  const prefix = `pbkdf2_${digest}$`
  return {
    name: `django-pbkdf2-${digest}`,
    claims: (hash) => hash.startsWith(prefix),
    read(hash, limits) {
      const [iterations, salt, key, ...rest] = hash.slice(prefix.length).split('$')
      if (salt === undefined || key === undefined || rest.length > 0) return refuse('malformed')
      return reading(
        digest,
        { iterations: integer(iterations), salt: Buffer.from(salt), key: fromPaddedBase64(key) },
        limits,
      )
    },
    dummy: ({ iterations = 260_000 }: CostParams = {}) =>
      `${prefix}${iterations}$${randomBytes(11).toString('hex')}$${randomBytes(DIGEST_BYTES[digest]).toString('base64')}`,
  }
}

function modular(digest: Digest, prefixes: readonly string[]): Scheme {
  return {
    name: `pbkdf2-${digest}`,
    claims: (hash) => prefixes.some((prefix) => hash.startsWith(prefix)),
    read(hash, limits) {
      const [, , settings = '', salt = '', key = '', ...rest] = hash.split('$')
      if (rest.length > 0 || key === '') return refuse('malformed')
      if (!settings.includes('=')) {
        return reading(
          digest,
          { iterations: integer(settings), salt: fromAdaptedBase64(salt), key: fromAdaptedBase64(key) },
          limits,
        )
      }
      const pairs = parsePairs(settings)
      const parts = { iterations: integer(pairs?.get('i')), salt: fromAnyBase64(salt), key: fromAnyBase64(key) }
      const length = pairs?.get('l')
      if (length !== undefined && integer(length) !== parts.key?.length) return refuse('malformed')
      return reading(digest, parts, limits)
    },
    dummy: ({ iterations = 29_000 }: CostParams = {}) => {
      const [salt, key] = [toBase64(randomBytes(16)), toBase64(randomBytes(DIGEST_BYTES[digest]))]
      return `${prefixes[0]}${iterations}$${salt.replaceAll('+', '.')}$${key.replaceAll('+', '.')}`
    },
  }
}

function reading(digest: Digest, { iterations, salt, key }: Parts, limits: Limits): Reading | Refused {
  if (iterations === undefined || iterations < 1 || salt === undefined || key === undefined) return refuse('malformed')
  if (key.length < 10 || key.length > 256) return refuse('malformed')
  const blocks = Math.ceil(key.length / DIGEST_BYTES[digest])
  if (iterations * blocks > limits.pbkdf2Iterations) return refuse('cost')
  return {
    ok: true,
    params: { iterations },
    verify: async (password) => sameBytes(await pbkdf2(password, salt, iterations, key.length, digest), key),
  }
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}
