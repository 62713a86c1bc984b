import { randomBytes } from 'node:crypto'
import { DIGEST_BYTES, type DigestName } from './digest-bytes.ts'
import { fromAdaptedBase64, integer, toBase64 } from './encoding.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { type CostParams, refuse, type Scheme } from './scheme.ts'

/** `{PBKDF2}` of passlib and OpenLDAP's pw-pbkdf2, with SHA-1. */
export function ldapPbkdf2Sha1(): Scheme {
  return ldap('sha1', '{PBKDF2}')
}

/** `{PBKDF2-SHA256}` of passlib and OpenLDAP's pw-pbkdf2. */
export function ldapPbkdf2Sha256(): Scheme {
  return ldap('sha256', '{PBKDF2-SHA256}')
}

/** `{PBKDF2-SHA512}` of passlib and OpenLDAP's pw-pbkdf2. */
export function ldapPbkdf2Sha512(): Scheme {
  return ldap('sha512', '{PBKDF2-SHA512}')
}

function ldap(digest: DigestName, prefix: string): Scheme {
  return {
    name: `ldap-pbkdf2-${digest}`,
    claims: (hash) => hash.startsWith(prefix),
    read(hash, limits) {
      const [iterations, salt = '', key = '', ...rest] = hash.slice(prefix.length).split('$', 4)
      if (rest.length > 0 || key === '') return refuse('malformed')
      const parts = { iterations: integer(iterations), salt: fromAdaptedBase64(salt), key: fromAdaptedBase64(key) }
      return readPbkdf2(digest, parts, limits)
    },
    dummy: ({ iterations = 60_000 }: CostParams = {}) => {
      const [salt, key] = [toBase64(randomBytes(16)), toBase64(randomBytes(DIGEST_BYTES[digest]))]
      return `${prefix}${iterations}$${salt.replaceAll('+', '.')}$${key.replaceAll('+', '.')}`
    },
  }
}
