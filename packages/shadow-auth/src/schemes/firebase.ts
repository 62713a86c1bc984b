import { createCipheriv, randomBytes } from 'node:crypto'
import { InvalidOptionError, numberOption } from '@twinspan/core'
import type { Limits } from '../limits.ts'
import { fromAnyBase64, fromPaddedBase64, integer, parsePairs, toBase64 } from './encoding.ts'
import {
  type CostParams,
  type HashParams,
  paramBytes,
  type Reading,
  type Refused,
  refuse,
  type Scheme,
  sameBytes,
} from './scheme.ts'
import { readShape } from './scrypt.ts'

/** The hash parameters of a Firebase project, as its console shows them. */
export interface FirebaseProject {
  /** `base64_signer_key`; without it, `params.signerKey`. */
  readonly signerKey?: string
  /**
   * `base64_salt_separator`.
   *
   * @default 'Bw=='
   */
  readonly saltSeparator?: string
  /** @default 8 */
  readonly rounds?: number
  /** @default 14 */
  readonly memCost?: number
}

interface Parts {
  readonly salt: Buffer | undefined
  readonly separator: Buffer | undefined
  readonly signerKey: Buffer | undefined
  readonly key: Buffer | undefined
  readonly N: number | undefined
  readonly r: number | undefined
  readonly p: number | undefined
}

const SELF_CONTAINED = /^\$firescrypt\$([^$]{1,64})\$([^$]+)\$([^$]+)\$([^$]*)\$([^$]+)$/
const EXPORTED = /^([A-Za-z0-9+/_-]{86}={0,2})(?::([A-Za-z0-9+/_-]{1,128}={0,2}))?$/

/**
 * Firebase Authentication, as Ory Kratos imports it: `$firescrypt$ln=..,r=..,p=..$salt$key$separator$signerKey`, all in
 * base64. scrypt makes a key, and what is stored is the project's signer key encrypted with it.
 */
export function firescrypt(): Scheme {
  return {
    name: 'firescrypt',
    claims: (hash) => hash.startsWith('$firescrypt$'),
    read(hash, limits) {
      const [, settings, salt = '', key = '', separator = '', signerKey = ''] = SELF_CONTAINED.exec(hash) ?? []
      const pairs = settings === undefined ? undefined : parsePairs(settings)
      const ln = integer(pairs?.get('ln'))
      if (pairs?.size !== 3 || ln === undefined) return refuse('malformed')
      return read(
        {
          salt: fromAnyBase64(salt),
          separator: fromAnyBase64(separator),
          signerKey: fromAnyBase64(signerKey),
          key: fromAnyBase64(key),
          N: 2 ** ln,
          r: integer(pairs.get('r')),
          p: integer(pairs.get('p')),
        },
        limits,
      )
    },
    dummy({ N = 16_384, r = 8, p = 1 }: CostParams = {}) {
      const [salt, key, signerKey] = [randomBytes(10), randomBytes(64), randomBytes(64)].map(toBase64)
      return `$firescrypt$ln=${Math.log2(N)},r=${r},p=${p}$${salt}$${key}$Bw$${signerKey}`
    },
  }
}

/**
 * What Firebase Authentication exports: `passwordHash`, and its salt in `params.salt`, in base64 both, or the salt
 * behind the hash after a colon. The signer key is the project's; `params.signerKey` and `params.saltSeparator` replace
 * what is given here.
 *
 * @throws InvalidOptionError
 */
export function firebaseScrypt(project: FirebaseProject = {}): Scheme {
  const { signerKey, saltSeparator = 'Bw==' } = project
  if (signerKey !== undefined && !fromPaddedBase64(signerKey)?.length) {
    throw new InvalidOptionError('signerKey', '(not shown)', 'text in base64')
  }
  if (fromPaddedBase64(saltSeparator) === undefined) {
    throw new InvalidOptionError('saltSeparator', saltSeparator, 'text in base64')
  }
  const cost = {
    N: 2 ** numberOption('memCost', project.memCost, 14, { min: 1, max: 30, integer: true }),
    r: numberOption('rounds', project.rounds, 8, { min: 1, max: 255, integer: true }),
    p: 1,
  }
  return {
    name: 'firebase-scrypt',
    claims: (hash) => EXPORTED.test(hash),
    read(hash, limits, params) {
      const [, key = '', written] = EXPORTED.exec(hash) ?? []
      const salt = written ?? textOf(params, 'salt')
      const signer = textOf(params, 'signerKey') ?? signerKey
      if (salt === undefined || signer === undefined) return refuse('ambiguous')
      const separator = textOf(params, 'saltSeparator') ?? saltSeparator
      const parts = {
        salt: fromUrl(salt),
        separator: fromUrl(separator),
        signerKey: fromUrl(signer),
        key: fromUrl(key),
      }
      return read({ ...parts, ...cost }, limits)
    },
    dummy: () => `${randomBytes(64).toString('base64')}:${randomBytes(10).toString('base64')}`,
  }
}

function read({ salt, separator, signerKey, key, ...cost }: Parts, limits: Limits): Reading | Refused {
  if (salt === undefined || separator === undefined || signerKey === undefined || key === undefined)
    return refuse('malformed')
  if (key.length < 16 || key.length !== signerKey.length) return refuse('malformed')
  const matches = (derived: Buffer): boolean => {
    const cipher = createCipheriv('aes-256-ctr', derived, Buffer.alloc(16))
    return sameBytes(Buffer.concat([cipher.update(signerKey), cipher.final()]), key)
  }
  return readShape({ ...cost, salt: Buffer.concat([salt, separator]), bytes: 32, matches }, limits)
}

// An export is in base64 for URLs, the console is not.
function fromUrl(text: string): Buffer | undefined {
  return fromAnyBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
}

function textOf(params: HashParams | undefined, name: string): string | undefined {
  return paramBytes(params, name)?.toString('latin1')
}
