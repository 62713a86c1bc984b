import { pbkdf2 as derive, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { Limits } from '../limits.ts'
import {
  fromAdaptedBase64,
  fromAnyBase64,
  fromPaddedBase64,
  integer,
  parsePairs,
  randomHash64,
  toBase64,
} from './encoding.ts'
import { type CostParams, paramBytes, type Reading, type Refused, refuse, type Scheme, sameBytes } from './scheme.ts'

const pbkdf2 = promisify(derive)

const DIGEST_BYTES = { md5: 16, sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 } as const

/** A digest that PBKDF2 is run with. */
export type Pbkdf2Digest = keyof typeof DIGEST_BYTES
type Digest = Pbkdf2Digest

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
      return readPbkdf2('sha1', { iterations: 10_000, salt: bytes.subarray(0, 16), key: bytes.subarray(16) }, limits)
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
      return readPbkdf2('sha512', { iterations: integer(iterations), salt: hex(salt), key: hex(key) }, limits)
    },
    dummy: ({ iterations = 10_000 }: CostParams = {}) =>
      `grub.pbkdf2.sha512.${iterations}.${randomBytes(64).toString('hex')}.${randomBytes(64).toString('hex')}`,
  }
}

/** Grafana: PBKDF2-SHA256, 50 bytes in hex. Its salt is `params.salt`, or stands behind the hash after a colon. */
export function grafana(): Scheme {
  const form = /^([0-9a-f]{100})(?::([\s\S]{1,64}))?$/i
  return {
    name: 'grafana',
    claims: (hash) => form.test(hash),
    read(hash, limits, params) {
      const [, key = '', written] = form.exec(hash) ?? []
      const salt = written === undefined ? paramBytes(params, 'salt') : Buffer.from(written)
      if (salt === undefined) return refuse('ambiguous')
      return readPbkdf2('sha256', { iterations: 10_000, salt, key: hex(key) }, limits)
    },
    dummy: () => `${randomBytes(50).toString('hex')}:${randomHash64(10)}`,
  }
}

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

/** `$p5k2$` as Cryptacular writes it: iterations in hex, salt and key in base64 for URLs, with padding. */
export function ctaPbkdf2(): Scheme {
  const form = /^\$p5k2\$([0-9a-f]{1,8})\$([A-Za-z0-9_-]{0,128}={0,2})\$([A-Za-z0-9_-]{27}=)$/
  return {
    name: 'cta-pbkdf2',
    claims: (hash) => hash.startsWith('$p5k2$') && hash.endsWith('='),
    read(hash, limits) {
      const [, rounds = '', salt = '', key = ''] = form.exec(hash) ?? []
      if (rounds === '' || rounds.startsWith('0')) return refuse('malformed')
      const parts = { iterations: Number.parseInt(rounds, 16), salt: fromUrlBase64(salt), key: fromUrlBase64(key) }
      return readPbkdf2('sha1', parts, limits)
    },
    dummy: ({ iterations = 4_096 }: CostParams = {}) =>
      `$p5k2$${iterations.toString(16)}$${toUrlBase64(randomBytes(16))}$${toUrlBase64(randomBytes(20))}`,
  }
}

/** `$p5k2$` as Dwayne Litzenberger's module writes it: iterations in hex, 400 when left out; all before the key is salt. */
export function dlitzPbkdf2(): Scheme {
  const form = /^(\$p5k2\$([0-9a-f]{0,8})\$[./0-9A-Za-z]{0,128})\$([./0-9A-Za-z]{32})$/
  return {
    name: 'dlitz-pbkdf2',
    claims: (hash) => hash.startsWith('$p5k2$') && !hash.endsWith('='),
    read(hash, limits) {
      const [, setting, rounds = '', key = ''] = form.exec(hash) ?? []
      if (setting === undefined || rounds.startsWith('0')) return refuse('malformed')
      const iterations = rounds === '' ? 400 : Number.parseInt(rounds, 16)
      return readPbkdf2('sha1', { iterations, salt: Buffer.from(setting), key: fromAdaptedBase64(key) }, limits)
    },
    dummy: ({ iterations = 400 }: CostParams = {}) =>
      `$p5k2$${iterations.toString(16)}$${randomHash64(16)}$${randomHash64(32)}`,
  }
}

function ldap(digest: Digest, prefix: string): Scheme {
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

function fromUrlBase64(text: string): Buffer | undefined {
  return fromPaddedBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
}

function toUrlBase64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}

function django(digest: Digest): Scheme {
  const prefix = `pbkdf2_${digest}$`
  return {
    name: `django-pbkdf2-${digest}`,
    claims: (hash) => hash.startsWith(prefix),
    read(hash, limits) {
      const [iterations, salt, key, ...rest] = hash.slice(prefix.length).split('$', 4)
      if (salt === undefined || key === undefined || rest.length > 0) return refuse('malformed')
      return readPbkdf2(
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

interface Shape {
  /** What the format does to the password first. */
  readonly prepare?: (password: Buffer) => Buffer
  /** What it does to the derived bytes before it stores them, which are then as many as the digest gives. */
  readonly finish?: (derived: Buffer) => Buffer
}

/** PBKDF2 with these parts, whichever format they were read from. */
export function readPbkdf2(
  digest: Digest,
  { iterations, salt, key }: Parts,
  limits: Limits,
  { prepare = (password) => password, finish }: Shape = {},
): Reading | Refused {
  if (iterations === undefined || iterations < 1 || salt === undefined || key === undefined) return refuse('malformed')
  if (key.length < 10 || key.length > 256) return refuse('malformed')
  const bytes = finish === undefined ? key.length : DIGEST_BYTES[digest]
  const blocks = Math.ceil(bytes / DIGEST_BYTES[digest])
  if (iterations * blocks > limits.pbkdf2Iterations) return refuse('cost')
  return {
    ok: true,
    params: { iterations },
    async verify(password) {
      const derived = await pbkdf2(prepare(password), salt, iterations, bytes, digest)
      return sameBytes(finish === undefined ? derived : finish(derived), key)
    },
  }
}

export function isPbkdf2Digest(name: string): name is Digest {
  return Object.hasOwn(DIGEST_BYTES, name)
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}
