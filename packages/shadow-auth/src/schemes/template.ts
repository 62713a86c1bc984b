import { isUtf8 } from 'node:buffer'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { InvalidOptionError, numberOption, textOption } from '@twinspan/core'
import { DIGEST_BYTES, type DigestName } from './digest-bytes.ts'
import { fromAnyBase64, toUtf16 } from './encoding.ts'
import { inRounds } from './rounds.ts'
import { type HashParams, paramBytes, readingOf, refuse, type Scheme } from './scheme.ts'

/** How a digest is written: in hex, in hex with capitals, in base64, or as the bytes themselves. */
const ENCODINGS: Readonly<Record<'hex' | 'HEX' | 'base64' | 'bytes', (bytes: Buffer) => Buffer>> = {
  hex: (bytes) => Buffer.from(bytes.toString('hex')),
  HEX: (bytes) => Buffer.from(bytes.toString('hex').toUpperCase()),
  base64: (bytes) => Buffer.from(bytes.toString('base64')),
  bytes: (bytes) => bytes,
}

/** How the characters of a password become bytes. */
const TEXTS: Readonly<Record<'utf8' | 'latin1' | 'utf16le', (password: Buffer) => Buffer>> = {
  utf8: (password) => password,
  latin1: (password) => (isUtf8(password) ? toLatin1(password.toString()) : password),
  utf16le: toUtf16,
}

/**
 * A piece of what is digested.
 *
 * - `'password'`, `'salt'`
 * - `{ literal }`: this text
 * - `{ param }`: something else that belongs to the hash, `params.username` or `params.pepper`; `lower` for small letters
 * - `{ nested }`: another digest
 * - `'previous'`: what the round before wrote, and before the first one what `first` says
 */
export type TemplatePart =
  | 'password'
  | 'salt'
  | 'previous'
  | { readonly literal: string }
  | { readonly param: string; readonly lower?: boolean }
  | { readonly nested: TemplateDigest }

/** What is digested, by what, and how the digest is written. */
export interface TemplateDigest {
  readonly algorithm: DigestName
  readonly parts: readonly TemplatePart[]
  /** @default 'hex' */
  readonly encoding?: keyof typeof ENCODINGS
  /** Makes it an HMAC with a key of these parts. */
  readonly key?: readonly TemplatePart[]
  /**
   * How often.
   *
   * @default 1
   */
  readonly rounds?: number
  /** What `'previous'` is in the first round; nothing when left out. */
  readonly first?: readonly TemplatePart[]
  /**
   * How a round writes what is `'previous'` in the next one.
   *
   * @default what `encoding` is
   */
  readonly carry?: keyof typeof ENCODINGS
}

export interface TemplateOptions extends TemplateDigest {
  /** A short stable name: it appears in telemetry. */
  readonly name: string
  /**
   * What stands between digest and salt in the stored string, one character.
   *
   * @default ':'
   */
  readonly separator?: string
  /** What the stored string begins with. */
  readonly prefix?: string
  /** Whether the salt stands before the digest. */
  readonly saltFirst?: boolean
  /**
   * The character set that the legacy application digested.
   *
   * @default 'utf8'
   */
  readonly text?: keyof typeof TEXTS
}

interface Stored {
  readonly key: Buffer | undefined
  readonly salt: Buffer | undefined
  readonly shell: string
}

interface Values {
  readonly password: Buffer
  readonly salt: Buffer
  readonly params: HashParams | undefined
}

/**
 * A scheme made of plain digests, described as data: nothing is put together from strings, so no salt and no password
 * can mean something else than itself.
 *
 * The stored string is the digest, and behind `separator` the salt; a salt from a column of its own is `params.salt`.
 *
 * @example
 * // md5(md5(password) + salt)
 * template({
 *   name: 'forum',
 *   algorithm: 'md5',
 *   parts: [{ nested: { algorithm: 'md5', parts: ['password'] } }, 'salt'],
 * })
 *
 * @throws InvalidOptionError
 */
export function template(options: TemplateOptions): Scheme {
  const name = textOption('name', options.name, 'template')
  check(options, 'parts')
  const { separator = ':', prefix = '', saltFirst = false, encoding = 'hex', text = 'utf8' } = options
  if (separator.length !== 1) throw new InvalidOptionError('separator', separator, 'one character')
  if (!Object.hasOwn(TEXTS, text)) throw new InvalidOptionError('text', text, Object.keys(TEXTS).join(', '))
  if (encoding === 'bytes') throw new InvalidOptionError('encoding', encoding, 'hex, HEX or base64 for what is stored')
  if (!uses(options, 'password')) throw new InvalidOptionError('parts', options.parts, "a list with 'password' in it")
  const bytes = DIGEST_BYTES[options.algorithm]
  const salted = uses(options, 'salt')
  const params = paramsOf(options)
  const length = encoding === 'base64' ? Math.ceil(bytes / 3) * 4 : bytes * 2
  const zeros = ENCODINGS[encoding](Buffer.alloc(bytes)).toString()
  const alphabet = encoding === 'base64' ? /^[A-Za-z0-9+/]+={0,2}$/ : /^[0-9A-Fa-f]+$/

  const parse = (hash: string): Stored | undefined => {
    if (!hash.startsWith(prefix)) return undefined
    const at = saltFirst ? hash.length - length : prefix.length
    const digest = hash.slice(at, at + length)
    const rest = saltFirst ? hash.slice(prefix.length, Math.max(prefix.length, at)) : hash.slice(at + length)
    if (at < prefix.length || digest.length < length || !alphabet.test(digest)) return undefined
    if (rest !== '' && (!salted || rest.at(saltFirst ? -1 : 0) !== separator)) return undefined
    const salt = saltFirst ? rest.slice(0, -1) : rest.slice(1)
    return {
      key: encoding === 'base64' ? fromAnyBase64(digest) : Buffer.from(digest, 'hex'),
      salt: rest === '' ? undefined : Buffer.from(salt),
      shell: hash.slice(0, at) + zeros + hash.slice(at + length),
    }
  }

  return {
    name,
    claims: (hash) => parse(hash) !== undefined,
    read(hash, _limits, given) {
      const parsed = parse(hash)
      if (parsed?.key?.length !== bytes) return refuse('malformed')
      const { key, shell } = parsed
      const salt = parsed.salt ?? paramBytes(given, 'salt')
      if ((salted && salt === undefined) || params.some((param) => paramBytes(given, param) === undefined))
        return refuse('ambiguous')
      return readingOf(
        {},
        {
          shell,
          digest: key.toString('hex'),
          async derive(password) {
            const values = { password: TEXTS[text](password), salt: salt ?? Buffer.alloc(0), params: given }
            const next = roundsOf(options, values)
            let state = next()
            await inRounds((options.rounds ?? 1) - 1, () => {
              state = next()
            })
            return state.toString('hex')
          },
        },
      )
    },
    dummy() {
      const digest = ENCODINGS[encoding](randomBytes(bytes)).toString()
      if (!salted) return prefix + digest
      const salt = randomBytes(8).toString('hex')
      return prefix + (saltFirst ? [salt, digest] : [digest, salt]).join(separator)
    },
  }
}

/** The digest itself, not encoded. */
function digestOf(digest: TemplateDigest, values: Values): Buffer {
  const next = roundsOf(digest, values)
  let state = next()
  for (let round = 1; round < (digest.rounds ?? 1); round++) state = next()
  return state
}

/** One round a call. */
function roundsOf(digest: TemplateDigest, values: Values): () => Buffer {
  const { algorithm, parts, key, first = [], encoding = 'hex', carry = encoding } = digest
  const keyBytes = key && join(key, values, Buffer.alloc(0))
  let previous = join(first, values, Buffer.alloc(0))
  return () => {
    const made = keyBytes === undefined ? createHash(algorithm) : createHmac(algorithm, keyBytes)
    const state = made.update(join(parts, values, previous)).digest()
    previous = ENCODINGS[carry](state)
    return state
  }
}

function join(parts: readonly TemplatePart[], values: Values, previous: Buffer): Buffer {
  return Buffer.concat(parts.map((part) => bytesOf(part, values, previous)))
}

function bytesOf(part: TemplatePart, values: Values, previous: Buffer): Buffer {
  if (part === 'previous') return previous
  if (part === 'password' || part === 'salt') return values[part]
  if ('literal' in part) return Buffer.from(part.literal)
  if ('nested' in part) return ENCODINGS[part.nested.encoding ?? 'hex'](digestOf(part.nested, values))
  const bytes = paramBytes(values.params, part.param) ?? Buffer.alloc(0)
  return part.lower === true ? Buffer.from(bytes.toString().toLowerCase()) : bytes
}

function check(digest: TemplateDigest, path: string): void {
  if (!Object.hasOwn(DIGEST_BYTES, digest.algorithm)) {
    throw new InvalidOptionError('algorithm', digest.algorithm, Object.keys(DIGEST_BYTES).join(', '))
  }
  for (const name of ['encoding', 'carry'] as const) {
    const encoding = digest[name]
    if (encoding === undefined || Object.hasOwn(ENCODINGS, encoding)) continue
    throw new InvalidOptionError(name, encoding, Object.keys(ENCODINGS).join(', '))
  }
  numberOption('rounds', digest.rounds, 1, { min: 1, max: 10_000, integer: true })
  if (!Array.isArray(digest.parts) || digest.parts.length === 0) {
    throw new InvalidOptionError(path, digest.parts, 'a list of parts')
  }
  for (const part of partsOf(digest)) {
    if (part === 'password' || part === 'salt' || part === 'previous') continue
    const known = typeof part === 'object' && part !== null
    if (known && 'nested' in part) check(part.nested, `${path}.nested`)
    else if (!known || typeof ('literal' in part ? part.literal : part.param) !== 'string') {
      throw new InvalidOptionError(path, part, "'password', 'salt', 'previous', { literal }, { param } or { nested }")
    }
  }
}

function partsOf({ parts, key = [], first = [] }: TemplateDigest): readonly TemplatePart[] {
  return [...parts, ...key, ...first]
}

function uses(digest: TemplateDigest, wanted: 'password' | 'salt'): boolean {
  return partsOf(digest).some(
    (part) => part === wanted || (typeof part === 'object' && 'nested' in part && uses(part.nested, wanted)),
  )
}

function paramsOf(digest: TemplateDigest): readonly string[] {
  return partsOf(digest).flatMap((part) => {
    if (typeof part !== 'object') return []
    if ('nested' in part) return paramsOf(part.nested)
    return 'param' in part ? [part.param] : []
  })
}

// A browser writes what a Latin-1 page cannot hold as a numeric reference; such passwords are kept apart by their UTF-8.
function toLatin1(text: string): Buffer {
  return /^[\0-\xff]*$/.test(text) ? Buffer.from(text, 'latin1') : Buffer.from(text)
}
