import { createHash, hash as digest } from 'node:crypto'
import type { Limits } from '../limits.ts'
import { argon2d, argon2i, argon2id } from './argon2.ts'
import { dummyBcrypt, readBcrypt } from './bcrypt.ts'
import { fromPaddedBase64 } from './encoding.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { type Reading, type Refused, readingOf, refuse, type Scheme } from './scheme.ts'
import { readScrypt } from './scrypt.ts'

type Read = (inner: string, limits: Limits) => Reading | Refused

/** The encoders that `PasswordEncoderFactories` sets up, by the id in braces. */
const ENCODERS: Readonly<Record<string, Read>> = {
  bcrypt: readBcrypt,
  argon2,
  'argon2@SpringSecurity_v5_8': argon2,
  pbkdf2: (inner, limits) => pbkdf2(inner, 'sha1', 8, 185_000, limits),
  'pbkdf2@SpringSecurity_v5_8': (inner, limits) => pbkdf2(inner, 'sha256', 16, 310_000, limits),
  scrypt,
  'scrypt@SpringSecurity_v5_8': scrypt,
  sha256: standard,
  MD5: (inner) => salted(inner, 'md5', 16),
  'SHA-1': (inner) => salted(inner, 'sha1', 20),
  'SHA-256': (inner) => salted(inner, 'sha256', 32),
}

const FORM = /^\{([A-Za-z0-9@_-]{1,40})\}([\s\S]+)$/

/**
 * Spring Security's `DelegatingPasswordEncoder` with its default encoders: `{bcrypt}..`, `{argon2}..`, `{pbkdf2}..`,
 * `{scrypt}..`, `{sha256}..`, `{MD5}{salt}..`, `{SHA-1}{salt}..`, `{SHA-256}{salt}..`. `{noop}` is refused.
 */
export function spring(): Scheme {
  return {
    name: 'spring',
    // An LDAP hash has the label `{MD5}` too, and no second one.
    claims: (hash) => {
      const [, id = '', inner = ''] = FORM.exec(hash) ?? []
      return id !== '' && Object.hasOwn(ENCODERS, id) && (id !== 'MD5' || inner.startsWith('{'))
    },
    read(hash, limits) {
      const [, id = '', inner = ''] = FORM.exec(hash) ?? []
      const read = Object.hasOwn(ENCODERS, id) ? ENCODERS[id] : undefined
      const reading = read?.(inner, limits) ?? refuse('unsupported')
      if (!reading.ok || reading.inner === undefined) return reading
      return { ...reading, inner: { ...reading.inner, shell: `{${id}}${reading.inner.shell}` } }
    },
    dummy: (params) => `{bcrypt}${dummyBcrypt(params?.['cost'] === undefined ? {} : params)}`,
  }
}

function argon2(inner: string, limits: Limits): Reading | Refused {
  const variants = [argon2id(), argon2i(), argon2d()]
  return variants.find((variant) => variant.claims(inner))?.read(inner, limits) ?? refuse('malformed')
}

function pbkdf2(
  inner: string,
  algorithm: 'sha1' | 'sha256',
  saltBytes: number,
  iterations: number,
  limits: Limits,
): Reading | Refused {
  const bytes = fromHex(inner, saltBytes + 32)
  if (bytes === undefined) return refuse('malformed')
  const [salt, key] = [bytes.subarray(0, saltBytes), bytes.subarray(saltBytes)]
  return readPbkdf2(algorithm, { iterations, salt, key }, limits)
}

/** `$e0801$salt$key`: the logarithm of N, r and p in the bytes of a number in hex. */
function scrypt(inner: string, limits: Limits): Reading | Refused {
  const [, hex, salt = '', key = ''] = /^\$([0-9a-f]{5,6})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/.exec(inner) ?? []
  if (hex === undefined) return refuse('malformed')
  const packed = Number.parseInt(hex, 16)
  const cost = { N: 2 ** (packed >> 16), r: (packed >> 8) & 255, p: packed & 255 }
  return readScrypt(cost, fromPaddedBase64(salt), fromPaddedBase64(key), limits)
}

/** `StandardPasswordEncoder`: eight bytes of salt, and SHA-256 a thousand and twenty-four times. */
function standard(inner: string): Reading | Refused {
  const bytes = fromHex(inner, 40)
  if (bytes === undefined) return refuse('malformed')
  const [salt, key] = [bytes.subarray(0, 8), bytes.subarray(8)]
  return readingOf(
    {},
    {
      shell: salt.toString('hex') + '0'.repeat(64),
      digest: key.toString('hex'),
      async derive(password) {
        let state = Buffer.concat([salt, password])
        for (let round = 0; round < 1_024; round++) state = digest('sha256', state, 'buffer')
        return state.toString('hex')
      },
    },
  )
}

/** `{salt}digest`: what is digested is the password and then the salt with its braces. */
function salted(inner: string, algorithm: string, bytes: number): Reading | Refused {
  const [, salt = '', hex = ''] = /^(\{[^}]{0,128}\})?([0-9a-f]+)$/.exec(inner) ?? []
  if (fromHex(hex, bytes) === undefined) return refuse('malformed')
  return readingOf(
    {},
    {
      shell: salt + '0'.repeat(hex.length),
      digest: hex,
      derive: async (password) => createHash(algorithm).update(password).update(salt).digest('hex'),
    },
  )
}

function fromHex(text: string, bytes: number): Buffer | undefined {
  return text.length === 2 * bytes && /^[0-9a-f]+$/.test(text) ? Buffer.from(text, 'hex') : undefined
}
