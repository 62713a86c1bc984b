import { hash as digest, randomBytes } from 'node:crypto'
import { bcrypt } from './bcrypt.ts'
import { md5Crypt, sha1Crypt, sha256Crypt, sha512Crypt } from './crypt.ts'
import { desCrypt } from './des-crypt.ts'
import { fromPaddedBase64 } from './encoding.ts'
import { readingOf, refuse, type Scheme } from './scheme.ts'

/** `{SHA}`: one SHA-1 without salt. */
export function ldapSha(): Scheme {
  return unsalted('SHA', 'sha1', 20)
}

/** `{MD5}`: one MD5 without salt. */
export function ldapMd5(): Scheme {
  return unsalted('MD5', 'md5', 16)
}

/** `{SHA256}`: one SHA-256 without salt. */
export function ldapSha256(): Scheme {
  return unsalted('SHA256', 'sha256', 32)
}

/** `{SHA512}`: one SHA-512 without salt. */
export function ldapSha512(): Scheme {
  return unsalted('SHA512', 'sha512', 64)
}

/** `{SSHA}`: SHA-1 over password and salt. */
export function ldapSsha(): Scheme {
  return salted('SSHA', 'sha1', 20)
}

/** `{SSHA256}`: SHA-256 over password and salt. */
export function ldapSsha256(): Scheme {
  return salted('SSHA256', 'sha256', 32)
}

/** `{SSHA512}`: SHA-512 over password and salt. */
export function ldapSsha512(): Scheme {
  return salted('SSHA512', 'sha512', 64)
}

/** `{SMD5}`: MD5 over password and salt. */
export function ldapSmd5(): Scheme {
  return salted('SMD5', 'md5', 16)
}

/**
 * `{CRYPT}` around one of the modular crypt(3) formats.
 *
 * @param options `des`: the thirteen characters of the old crypt(3) too
 */
export function ldapCrypt({ des = false }: { readonly des?: boolean } = {}): Scheme {
  const modular = [md5Crypt(), sha256Crypt(), sha512Crypt(), sha1Crypt(), bcrypt()]
  const inner = des ? [...modular, desCrypt()] : modular
  const prefix = '{CRYPT}'
  return {
    name: 'ldap-crypt',
    claims: (hash) => has(hash, prefix),
    read(hash, limits) {
      const rest = hash.slice(prefix.length)
      const reading = inner.find((scheme) => scheme.claims(rest))?.read(rest, limits)
      if (reading === undefined) return refuse('unsupported')
      if (!reading.ok || reading.inner === undefined) return reading
      return { ...reading, inner: { ...reading.inner, shell: prefix + reading.inner.shell } }
    },
    dummy: () => prefix + sha512Crypt().dummy(),
  }
}

function unsalted(label: string, algorithm: string, bytes: number): Scheme {
  return scheme(label, algorithm, bytes, { min: 0, max: 0 }, 0)
}

function salted(label: string, algorithm: string, bytes: number): Scheme {
  return scheme(label, algorithm, bytes, { min: 4, max: 64 }, 8)
}

function scheme(
  label: string,
  algorithm: string,
  bytes: number,
  salt: { readonly min: number; readonly max: number },
  usualSalt: number,
): Scheme {
  const prefix = `{${label}}`
  return {
    name: `ldap-${label.toLowerCase()}`,
    claims: (hash) => has(hash, prefix),
    read(hash) {
      const stored = fromPaddedBase64(hash.slice(prefix.length))
      if (stored === undefined || stored.length < bytes + salt.min || stored.length > bytes + salt.max)
        return refuse('malformed')
      const [key, seasoning] = [stored.subarray(0, bytes), stored.subarray(bytes)]
      return readingOf(
        {},
        {
          shell: prefix + Buffer.concat([Buffer.alloc(bytes), seasoning]).toString('base64'),
          digest: key.toString('hex'),
          derive: async (password) => digest(algorithm, Buffer.concat([password, seasoning]), 'hex'),
        },
      )
    },
    dummy: () => prefix + randomBytes(bytes + usualSalt).toString('base64'),
  }
}

/** What Spring Security writes behind a label that directories have too: a salt in braces, or hex. */
const SPRING = /^\{(?:MD5\}\{|sha256\}[0-9a-f]{80}$)/

// Directory servers compare these labels without case.
function has(hash: string, prefix: string): boolean {
  return hash.slice(0, prefix.length).toUpperCase() === prefix && !SPRING.test(hash)
}
