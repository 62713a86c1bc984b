import { createHash, createHmac, hash as digest } from 'node:crypto'
import { integer, permute, randomHash64, toHash64 } from './encoding.ts'
import { inRounds } from './rounds.ts'
import { type CostParams, readingOf, refuse, type Scheme } from './scheme.ts'

const MD5_ORDER = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11]

const SHA256_ORDER = [
  20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15, 26, 16, 6, 17, 7, 27, 8, 28, 18, 29, 19, 9, 30, 31,
]

const SHA512_ORDER = [
  42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47, 48, 27, 6, 7, 49, 28, 29, 8, 50, 51, 30, 9, 10, 52,
  31, 32, 11, 53, 54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15, 16, 58, 37, 38, 17, 59, 60, 39, 18, 19, 61, 40, 41,
  20, 62, 63,
]

const SHA1_ORDER = [2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9, 14, 13, 12, 17, 16, 15, 0, 19, 18]

/** `$1$`: the MD5 crypt of FreeBSD and glibc. */
export function md5Crypt(): Scheme {
  return md5('md5-crypt', '$1$')
}

/** `$apr1$`: what htpasswd writes. */
export function apr1(): Scheme {
  return md5('apr1', '$apr1$')
}

/** `$5$`: the SHA-256 crypt of glibc. */
export function sha256Crypt(): Scheme {
  return sha('sha256-crypt', '$5$', 'sha256', SHA256_ORDER, 43)
}

/** `$6$`: the SHA-512 crypt of glibc. */
export function sha512Crypt(): Scheme {
  return sha('sha512-crypt', '$6$', 'sha512', SHA512_ORDER, 86)
}

/** `$sha1$`: the HMAC-SHA1 crypt of NetBSD. */
export function sha1Crypt(): Scheme {
  return {
    name: 'sha1-crypt',
    // Ory Kratos writes `$sha1$pf=` for something else.
    claims: (hash) => hash.startsWith('$sha1$') && !hash.startsWith('$sha1$pf='),
    read(hash, limits) {
      const [, count, salt, stored] = /^\$sha1\$(\d+)\$([./0-9A-Za-z]{0,64})\$([./0-9A-Za-z]{28})$/.exec(hash) ?? []
      const rounds = integer(count)
      if (salt === undefined || stored === undefined || rounds === undefined || rounds < 1) return refuse('malformed')
      if (rounds > limits.rounds) return refuse('cost')
      return readingOf(
        { rounds },
        {
          shell: `$sha1$${rounds}$${salt}$${'.'.repeat(28)}`,
          digest: stored,
          async derive(password) {
            let state = Buffer.from(`${salt}$sha1$${rounds}`)
            await inRounds(rounds, () => {
              state = createHmac('sha1', password).update(state).digest()
            })
            return toHash64(permute(state, SHA1_ORDER))
          },
        },
      )
    },
    dummy: ({ rounds = 24_680 }: CostParams = {}) => `$sha1$${rounds}$${randomHash64(8)}$${randomHash64(28)}`,
  }
}

function md5(name: string, magic: string): Scheme {
  return {
    name,
    claims: (hash) => hash.startsWith(magic),
    read(hash) {
      const [, salt, stored] = /^([./0-9A-Za-z]{0,8})\$([./0-9A-Za-z]{22})$/.exec(hash.slice(magic.length)) ?? []
      if (salt === undefined || stored === undefined) return refuse('malformed')
      return readingOf(
        {},
        {
          shell: `${magic}${salt}$${'.'.repeat(22)}`,
          digest: stored,
          derive: (password) => deriveMd5(password, Buffer.from(salt), magic),
        },
      )
    },
    dummy: () => `${magic}${randomHash64(8)}$${randomHash64(22)}`,
  }
}

async function deriveMd5(password: Buffer, salt: Buffer, magic: string): Promise<string> {
  const inner = digest('md5', Buffer.concat([password, salt, password]), 'buffer')
  const first = createHash('md5').update(password).update(magic).update(salt)
  first.update(stretch(inner, password.length))
  for (let bits = password.length; bits > 0; bits >>= 1) {
    first.update(bits & 1 ? Buffer.alloc(1) : password.subarray(0, 1))
  }
  let state = first.digest()
  await inRounds(1_000, (round) => {
    state = digest('md5', mix(round, state, password, salt), 'buffer')
  })
  return toHash64(permute(state, MD5_ORDER))
}

function sha(name: string, prefix: string, algorithm: string, order: readonly number[], length: number): Scheme {
  const form = new RegExp(`^(?:rounds=(\\d+)\\$)?([./0-9A-Za-z]{0,16})\\$([./0-9A-Za-z]{${length}})$`)
  return {
    name,
    claims: (hash) => hash.startsWith(prefix),
    read(hash, limits) {
      const [, given, salt, stored] = form.exec(hash.slice(prefix.length)) ?? []
      const asked = given === undefined ? 5_000 : integer(given)
      if (salt === undefined || stored === undefined || asked === undefined) return refuse('malformed')
      // The specification raises fewer rounds to a thousand.
      const rounds = Math.max(1_000, asked)
      if (rounds > limits.rounds) return refuse('cost')
      return readingOf(
        { rounds },
        {
          shell: hash.slice(0, -length) + '.'.repeat(length),
          digest: stored,
          derive: (password) => deriveSha(algorithm, order, password, Buffer.from(salt), rounds),
        },
      )
    },
    dummy: ({ rounds = 5_000 }: CostParams = {}) =>
      `${prefix}rounds=${rounds}$${randomHash64(16)}$${randomHash64(length)}`,
  }
}

async function deriveSha(
  algorithm: string,
  order: readonly number[],
  password: Buffer,
  salt: Buffer,
  rounds: number,
): Promise<string> {
  const inner = digest(algorithm, Buffer.concat([password, salt, password]), 'buffer')
  const first = createHash(algorithm).update(password).update(salt).update(stretch(inner, password.length))
  for (let bits = password.length; bits > 0; bits >>= 1) first.update(bits & 1 ? inner : password)
  let state = first.digest()
  const p = stretch(repeated(algorithm, password, password.length), password.length)
  const s = stretch(repeated(algorithm, salt, 16 + (state[0] ?? 0)), salt.length)
  await inRounds(rounds, (round) => {
    state = digest(algorithm, mix(round, state, p, s), 'buffer')
  })
  return toHash64(permute(state, order))
}

/** What a round of both families digests: the state and the password, who goes first by the round's number. */
function mix(round: number, state: Buffer, password: Buffer, salt: Buffer): Buffer {
  const odd = round % 2 === 1
  const parts = [odd ? password : state]
  if (round % 3 !== 0) parts.push(salt)
  if (round % 7 !== 0) parts.push(password)
  parts.push(odd ? state : password)
  return Buffer.concat(parts)
}

function repeated(algorithm: string, part: Buffer, times: number): Buffer {
  const whole = createHash(algorithm)
  for (let count = 0; count < times; count++) whole.update(part)
  return whole.digest()
}

/** The bytes over and over, up to a length. */
function stretch(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes)
}
