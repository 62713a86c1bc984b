import { randomBytes } from 'node:crypto'
import { runRounds } from '../round-pool.ts'
import { desKey, desRounds, fromDesBlock, toDesBlock } from './des.ts'
import { HASH64, randomHash64 } from './encoding.ts'
import { type CostParams, readingOf, refuse, type Scheme } from './scheme.ts'

const TRADITIONAL = /^([./0-9A-Za-z]{2})([./0-9A-Za-z]{11})$/
const EXTENDED = /^_([./0-9A-Za-z]{4})([./0-9A-Za-z]{4})([./0-9A-Za-z]{11})$/

/**
 * The crypt(3) of Unix: two characters of salt and eleven of DES. It looks at seven bits of eight characters, and any
 * thirteen letters have its form, so it is never assumed: name it where it is meant.
 */
export function desCrypt(): Scheme {
  return {
    name: 'des-crypt',
    claims: (hash) => TRADITIONAL.test(hash),
    read(hash) {
      const [, salt = '', digest = ''] = TRADITIONAL.exec(hash) ?? []
      return readingOf(
        {},
        {
          shell: salt + '.'.repeat(11),
          digest,
          derive: (password) => runRounds(25, 'des', packed(password), fromDigits(salt), 25),
        },
      )
    },
    dummy: () => randomHash64(2) + randomDigest(),
  }
}

/** The crypt(3) of BSDi: `_`, four characters of rounds, four of salt, eleven of DES. Seven bits of each character. */
export function bsdiCrypt(): Scheme {
  return {
    name: 'bsdi-crypt',
    claims: (hash) => EXTENDED.test(hash),
    read(hash, limits) {
      const [, count = '', salt = '', digest = ''] = EXTENDED.exec(hash) ?? []
      const rounds = fromDigits(count)
      if (rounds < 1) return refuse('malformed')
      // One of these rounds is worth some twenty of a digest.
      if (rounds * 20 > limits.rounds) return refuse('cost')
      return readingOf(
        { rounds },
        {
          shell: hash.slice(0, 9) + '.'.repeat(11),
          digest,
          derive: (password) => runRounds(rounds, 'des', folded(password), fromDigits(salt), rounds),
        },
      )
    },
    dummy: ({ rounds = 725 }: CostParams = {}) => `_${toDigits(rounds)}${randomHash64(4)}${randomDigest()}`,
  }
}

/** The first eight characters, seven bits each, moved up by one. */
function packed(password: Buffer): Buffer {
  return Buffer.from(Array.from({ length: 8 }, (_, at) => ((password[at] ?? 0) << 1) & 0xfe))
}

/** All characters: the key encrypted with itself, and eight more mixed in, until there are no more. */
function folded(password: Buffer): Buffer {
  let key = packed(password)
  for (let at = 8; at < password.length; at += 8) {
    const next = packed(password.subarray(at))
    const own = fromDesBlock(desRounds(toDesBlock(key), desKey(key), 0))
    key = Buffer.from(own.map((byte, index) => byte ^ (next[index] ?? 0)))
  }
  return key
}

/** Eleven characters that stand for 64 bits. */
function randomDigest(): string {
  return randomHash64(10) + HASH64[(4 * (randomBytes(1)[0] ?? 0)) & 63]
}

/** Characters of six bits each, the lowest first. */
function fromDigits(text: string): number {
  return Array.from(text).reduce((sum, digit, at) => sum + HASH64.indexOf(digit) * 64 ** at, 0)
}

function toDigits(value: number): string {
  return [0, 1, 2, 3].map((at) => HASH64[Math.floor(value / 64 ** at) % 64]).join('')
}
