import { randomBytes } from 'node:crypto'
import { DIGEST_BYTES, type DigestName } from './digest-bytes.ts'
import { fromAdaptedBase64, fromAnyBase64, integer, parsePairs, toBase64 } from './encoding.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { type CostParams, refuse, type Scheme } from './scheme.ts'

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

function modular(digest: DigestName, prefixes: readonly string[]): Scheme {
  return {
    name: `pbkdf2-${digest}`,
    claims: (hash) => prefixes.some((prefix) => hash.startsWith(prefix)),
    read(hash, limits) {
      const [, , settings = '', salt = '', key = '', ...rest] = hash.split('$', 6)
      if (rest.length > 0 || key === '') return refuse('malformed')
      if (!settings.includes('=')) {
        return readPbkdf2(
          digest,
          { iterations: integer(settings), salt: fromAdaptedBase64(salt), key: fromAdaptedBase64(key) },
          limits,
        )
      }
      const pairs = parsePairs(settings)
      const parts = { iterations: integer(pairs?.get('i')), salt: fromAnyBase64(salt), key: fromAnyBase64(key) }
      const length = pairs?.get('l')
      if (length !== undefined && integer(length) !== parts.key?.length) return refuse('malformed')
      return readPbkdf2(digest, parts, limits)
    },
    dummy: ({ iterations = 29_000 }: CostParams = {}) => {
      const [salt, key] = [toBase64(randomBytes(16)), toBase64(randomBytes(DIGEST_BYTES[digest]))]
      return `${prefixes[0]}${iterations}$${salt.replaceAll('+', '.')}$${key.replaceAll('+', '.')}`
    },
  }
}
