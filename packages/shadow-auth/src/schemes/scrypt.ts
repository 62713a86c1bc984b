import { scrypt as derive, randomBytes } from 'node:crypto'
import type { Limits } from '../limits.ts'
import {
  fromAnyBase64,
  fromPaddedBase64,
  HASH64,
  integer,
  parsePairs,
  randomHash64,
  toBase64,
  toHash64,
} from './encoding.ts'
import { type CostParams, type Reading, type Refused, refuse, type Scheme, sameBytes } from './scheme.ts'

interface Cost {
  readonly N: number | undefined
  readonly r: number | undefined
  readonly p: number | undefined
}

interface Shape extends Cost {
  readonly salt: Buffer | undefined
  /** How many bytes are derived. */
  readonly bytes: number
  /** Whether the derived bytes are those that the hash stands for. */
  matches(derived: Buffer): boolean
}

const PHC = /^\$scrypt\$([^$]{1,64})\$([^$]*)\$([^$]+)$/

/** PHC: `$scrypt$ln=..,r=..,p=..$salt$key`, `ln` the logarithm of N, or N itself as Ory Kratos writes it. */
export function scrypt(): Scheme {
  return {
    name: 'scrypt',
    claims: (hash) => hash.startsWith('$scrypt$'),
    read(hash, limits) {
      const [, settings, salt = '', key = ''] = PHC.exec(hash) ?? []
      const pairs = settings === undefined ? undefined : parsePairs(settings)
      if (pairs?.size !== 3) return refuse('malformed')
      const ln = integer(pairs.get('ln'))
      const cost = {
        N: ln === undefined || ln >= 64 ? ln : 2 ** ln,
        r: integer(pairs.get('r')),
        p: integer(pairs.get('p')),
      }
      return readScrypt(cost, fromAnyBase64(salt), fromAnyBase64(key), limits)
    },
    dummy: ({ N = 65_536, r = 8, p = 1 }: CostParams = {}) =>
      `$scrypt$ln=${Math.log2(N)},r=${r},p=${p}$${toBase64(randomBytes(16))}$${toBase64(randomBytes(32))}`,
  }
}

/** Django: `scrypt$N$salt$r$p$key`. */
export function djangoScrypt(): Scheme {
  const form = /^scrypt\$(\d+)\$([^$]*)\$(\d+)\$(\d+)\$([A-Za-z0-9+/=]+)$/
  return {
    name: 'django-scrypt',
    claims: (hash) => hash.startsWith('scrypt$'),
    read(hash, limits) {
      const [, N, salt, r, p, key = ''] = form.exec(hash) ?? []
      if (salt === undefined) return refuse('malformed')
      return readScrypt(
        { N: integer(N), r: integer(r), p: integer(p) },
        Buffer.from(salt),
        fromPaddedBase64(key),
        limits,
      )
    },
    dummy: ({ N = 16_384, r = 8, p = 5 }: CostParams = {}) =>
      `scrypt$${N}$${randomHash64(22)}$${r}$${p}$${randomBytes(64).toString('base64')}`,
  }
}

/** Werkzeug and Flask: `scrypt:N:r:p$salt$key`, the key in hex. */
export function werkzeugScrypt(): Scheme {
  const form = /^scrypt(?::(\d+):(\d+):(\d+))?\$([^$]*)\$((?:[0-9a-f]{2})+)$/
  return {
    name: 'werkzeug-scrypt',
    claims: (hash) => hash.startsWith('scrypt:'),
    read(hash, limits) {
      const [, N, r, p, salt, key = ''] = form.exec(hash) ?? []
      if (salt === undefined) return refuse('malformed')
      const cost = { N: integer(N), r: integer(r), p: integer(p) }
      return readScrypt(cost, Buffer.from(salt), Buffer.from(key, 'hex'), limits)
    },
    dummy: ({ N = 32_768, r = 8, p = 1 }: CostParams = {}) =>
      `scrypt:${N}:${r}:${p}$${randomHash64(16)}$${randomBytes(64).toString('hex')}`,
  }
}

/** `$7$`: the scrypt of crypt(3), of libsodium and of passlib. */
export function scryptCrypt(): Scheme {
  const form = /^\$7\$([./0-9A-Za-z])([./0-9A-Za-z]{5})([./0-9A-Za-z]{5})([^$]{0,64})\$([./0-9A-Za-z]{43})$/
  return {
    name: 'scrypt-crypt',
    claims: (hash) => hash.startsWith('$7$'),
    read(hash, limits) {
      const [, log2 = '', r = '', p = '', salt, stored = ''] = form.exec(hash) ?? []
      if (salt === undefined) return refuse('malformed')
      const cost = { N: 2 ** HASH64.indexOf(log2), r: fromDigits(r), p: fromDigits(p) }
      const matches = (derived: Buffer): boolean => sameBytes(Buffer.from(toHash64(derived)), Buffer.from(stored))
      return readShape({ ...cost, salt: Buffer.from(salt), bytes: 32, matches }, limits)
    },
    dummy: ({ N = 16_384, r = 8, p = 1 }: CostParams = {}) =>
      `$7$${HASH64[Math.log2(N)]}${toDigits(r)}${toDigits(p)}${randomHash64(22)}$${toHash64(randomBytes(32))}`,
  }
}

/** scrypt with these parts, whichever format they were read from. */
export function readScrypt(
  cost: Cost,
  salt: Buffer | undefined,
  key: Buffer | undefined,
  limits: Limits,
): Reading | Refused {
  if (key === undefined || key.length < 16 || key.length > 128) return refuse('malformed')
  return readShape({ ...cost, salt, bytes: key.length, matches: (derived) => sameBytes(derived, key) }, limits)
}

/** scrypt for formats that do not store what was derived. */
export function readShape({ N, r, p, salt, bytes, matches }: Shape, limits: Limits): Reading | Refused {
  if (N === undefined || r === undefined || p === undefined || salt === undefined) return refuse('malformed')
  if (N < 2 || r < 1 || p < 1) return refuse('malformed')
  if (128 * N * r > limits.scryptMemory || N * r * p > limits.scryptWork) return refuse('cost')
  if (!Number.isInteger(Math.log2(N))) return refuse('malformed')
  return {
    ok: true,
    params: { N, r, p },
    verify: async (password) => matches(await run(password, salt, bytes, { N, r, p })),
  }
}

function run(
  password: Buffer,
  salt: Buffer,
  length: number,
  { N, r, p }: { readonly N: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  // Node refuses what does not fit into 32 MiB unless it is told; the limits were checked before.
  const maxmem = 128 * r * (N + p + 2) + 1_024
  return new Promise((resolve, reject) => {
    derive(password, salt, length, { N, r, p, maxmem }, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

/** Five characters of six bits each, the lowest first. */
function fromDigits(text: string): number {
  return Array.from(text).reduce((sum, digit, at) => sum + HASH64.indexOf(digit) * 64 ** at, 0)
}

function toDigits(value: number): string {
  return [0, 1, 2, 3, 4].map((at) => HASH64[Math.floor(value / 64 ** at) % 64]).join('')
}
