import { randomBytes } from 'node:crypto'
import native from 'bcrypt'
import type { Limits } from '../limits.ts'
import { type CostParams, type Reading, type Refused, readingOf, refuse, type Scheme } from './scheme.ts'

const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const FORM = /^\$2([abxy])\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/

/** bcrypt's own reach: it never saw more of a password. Longer ones are cut here too, or their owners could not log in. */
const REACH = 72

const USUAL_COST = 10

/** `$2a$`, `$2b$`, `$2y$`, and `$2x$` for passwords of ASCII: the bug that `$2x$` keeps alive only shows beyond it. */
export function bcrypt(): Scheme {
  return {
    name: 'bcrypt',
    claims: (hash) => /^\$2[abxy]?\$/.test(hash),
    read: readBcrypt,
    dummy: dummyBcrypt,
  }
}

export function readBcrypt(hash: string, limits: Limits): Reading | Refused {
  // `$2$` hashes leave the terminating zero out; nothing that writes them is alive.
  if (hash.startsWith('$2$')) return refuse('unsupported')
  const [, minor, digits, salt, digest] = FORM.exec(hash) ?? []
  if (salt === undefined || digest === undefined) return refuse('malformed')
  const cost = Number(digits)
  if (cost < 4) return refuse('malformed')
  if (cost > limits.bcryptCost || cost > 31) return refuse('cost')
  const reading = readingOf(
    { cost },
    {
      shell: hash.slice(0, -digest.length) + ALPHABET[0]?.repeat(digest.length),
      digest: clearPadding(digest, 2),
      derive: (password) => deriveForMinor(minor, password, cost, salt),
    },
  )
  if (minor !== 'x') return reading
  const { ok, params, verify } = reading
  return {
    ok,
    params,
    verify: async (password) => (password.some((byte) => byte > 127) ? 'ambiguous' : verify(password)),
  }
}

/**
 * What writes `$2y$` is written in C, for which a zero ends a password; for the others a zero is a byte like any other.
 * bcrypt itself cannot tell zeros alone from the empty password, and nobody logs in with that by typing something.
 */
async function deriveForMinor(
  minor: string | undefined,
  password: Buffer,
  cost: number,
  salt: string,
): Promise<string> {
  const end = minor === 'y' ? password.indexOf(0) : -1
  const key = end < 0 ? password : password.subarray(0, end)
  const made = await deriveBcrypt(key, cost, salt)
  return password.length > 0 && key.every((byte) => byte === 0) ? '' : made
}

/** The 31 characters that bcrypt makes of a password, its cost and 22 characters of salt. */
export async function deriveBcrypt(password: Buffer, cost: number, salt: string): Promise<string> {
  // The npm package answers `false` to every `$2y$`, and compares text: padding bits that another library left set
  // make it refuse the right password. What it is given is therefore always canonical.
  const setting = `$2b$${String(cost).padStart(2, '0')}$${clearPadding(salt, 4)}`
  const hash = await native.hash(password.subarray(0, REACH), setting)
  return hash.slice(-31)
}

export function dummyBcrypt({ cost = USUAL_COST }: CostParams = {}): string {
  return `$2b$${String(cost).padStart(2, '0')}$${randomText(22, 4)}${randomText(31, 2)}`
}

/** The text with the lowest bits of its last character cleared: they encode nothing. */
export function clearPadding(text: string, bits: number): string {
  const value = ALPHABET.indexOf(text.slice(-1))
  return text.slice(0, -1) + ALPHABET[(value >> bits) << bits]
}

function randomText(length: number, padding: number): string {
  const text = Array.from(randomBytes(length), (byte) => ALPHABET[byte & 63]).join('')
  return clearPadding(text, padding)
}
