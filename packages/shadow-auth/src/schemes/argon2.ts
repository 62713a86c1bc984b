import { randomBytes } from 'node:crypto'
import { numberOption } from '@twinspan/core'
import argon2 from 'argon2'
import type { Limits } from '../limits.ts'
import { fromBase64, integer, parsePairs, toBase64 } from './encoding.ts'
import {
  type CostParams,
  type PasswordHasher,
  type Reading,
  type Refused,
  refuse,
  type Scheme,
  sameBytes,
} from './scheme.ts'

/** How new hashes are made. The defaults are the OWASP recommendation for Argon2id. */
export interface Argon2Policy {
  /**
   * Memory in KiB.
   *
   * @default 19_456
   */
  readonly m: number
  /**
   * Passes over the memory.
   *
   * @default 2
   */
  readonly t: number
  /**
   * Lanes.
   *
   * @default 1
   */
  readonly p: number
  /** @default 16 */
  readonly saltBytes: number
  /** @default 32 */
  readonly tagBytes: number
}

const VARIANTS = { argon2d: 0, argon2i: 1, argon2id: 2 } as const
type Variant = keyof typeof VARIANTS

const CURRENT_VERSION = 19
const FIRST_VERSION = 16

interface Argon2Hash {
  readonly variant: Variant
  readonly version: number
  readonly m: number
  readonly t: number
  readonly p: number
  readonly data: Buffer
  readonly salt: Buffer
  readonly tag: Buffer
}

/** Argon2id: verifies any parameters, makes new hashes by the policy. `hash` of `createShadowAuth`. */
export function argon2id(policy: Partial<Argon2Policy> = {}): PasswordHasher {
  const resolved = resolvePolicy(policy)
  return {
    ...scheme('argon2id', resolved),
    async hash(password) {
      const salt = randomBytes(resolved.saltBytes)
      return write({
        ...blank(resolved),
        variant: 'argon2id',
        salt,
        tag: await derive(password, { ...blank(resolved), salt }),
      })
    },
    isWeaker: (hash) => needsUpgrade(hash, resolved),
  }
}

export function argon2i(): Scheme {
  return scheme('argon2i', resolvePolicy({}))
}

export function argon2d(): Scheme {
  return scheme('argon2d', resolvePolicy({}))
}

/**
 * Whether a stored hash is weaker than the policy: another scheme or variant, version 1.0, less memory, less work
 * (memory times passes), a shorter salt or tag. A hash that is stronger than the policy stays as it is.
 */
export function needsUpgrade(hash: string, policy: Partial<Argon2Policy> = {}): boolean {
  const { m, t, saltBytes, tagBytes } = resolvePolicy(policy)
  const parsed = typeof hash === 'string' ? parse(hash) : undefined
  if (parsed === undefined || parsed.variant !== 'argon2id' || parsed.version !== CURRENT_VERSION) return true
  if (parsed.salt.length < saltBytes || parsed.tag.length < tagBytes) return true
  return parsed.m < m || parsed.m * parsed.t < m * t
}

function resolvePolicy(policy: Partial<Argon2Policy>): Argon2Policy {
  const p = numberOption('p', policy.p, 1, { min: 1, max: 255, integer: true })
  return {
    m: numberOption('m', policy.m, 19_456, { min: 8 * p, max: 2 ** 22, integer: true }),
    t: numberOption('t', policy.t, 2, { min: 1, max: 1_000, integer: true }),
    p,
    saltBytes: numberOption('saltBytes', policy.saltBytes, 16, { min: 8, max: 64, integer: true }),
    tagBytes: numberOption('tagBytes', policy.tagBytes, 32, { min: 16, max: 128, integer: true }),
  }
}

function scheme(variant: Variant, policy: Argon2Policy): Scheme {
  const prefix = `$${variant}$`
  return {
    name: variant,
    claims: (hash) => hash.startsWith(prefix),
    read: (hash, limits) => read(hash, limits),
    dummy: ({ m = policy.m, t = policy.t, p = policy.p }: CostParams = {}) =>
      write({ ...blank({ ...policy, m, t, p }), variant, salt: randomBytes(16), tag: randomBytes(32) }),
  }
}

function read(hash: string, limits: Limits): Reading | Refused {
  const parsed = parse(hash)
  if (parsed === undefined) return refuse('malformed')
  const { version, m, t, p, salt, tag } = parsed
  if (version !== CURRENT_VERSION && version !== FIRST_VERSION) return refuse('unsupported')
  if (m > limits.argon2Memory || m * t > limits.argon2Work || p > limits.argon2Lanes) return refuse('cost')
  if (t < 1 || p < 1 || m < 8 * p || salt.length < 8 || tag.length < 4) return refuse('malformed')
  if (salt.length > 64 || tag.length > 128) return refuse('malformed')
  return {
    ok: true,
    params: { m, t, p },
    verify: async (password) => sameBytes(await derive(password, parsed), tag),
  }
}

/** `$argon2id$v=19$m=..,t=..,p=..$salt$tag`: the parameters in any order, without `v=` for version 1.0. */
function parse(hash: string): Argon2Hash | undefined {
  const parts = hash.split('$', 7)
  const variant = parts[1]
  if (parts[0] !== '' || variant === undefined || !Object.hasOwn(VARIANTS, variant)) return undefined
  const versioned = parts[2]?.startsWith('v=') === true
  if (parts.length !== (versioned ? 6 : 5)) return undefined
  const pairs = parsePairs(parts[versioned ? 3 : 2] ?? '')
  if (pairs === undefined) return undefined
  const version = integer(versioned ? parts[2]?.slice(2) : (pairs.get('v') ?? String(FIRST_VERSION)))
  const [m, t, p] = [integer(pairs.get('m')), integer(pairs.get('t')), integer(pairs.get('p'))]
  const data = fromBase64(pairs.get('data') ?? '')
  const salt = fromBase64(parts.at(-2) ?? '')
  const tag = fromBase64(parts.at(-1) ?? '')
  // `keyid` and its like say that something outside of the string takes part.
  if ([...pairs.keys()].some((name) => !['m', 't', 'p', 'v', 'data'].includes(name))) return undefined
  if (version === undefined || m === undefined || t === undefined || p === undefined) return undefined
  if (data === undefined || salt === undefined || tag === undefined) return undefined
  return { variant: variant as Variant, version, m, t, p, data, salt, tag }
}

// PHP and others read the parameters in the order m,t,p only; the npm package writes m,p,t.
function write({ variant, version, m, t, p, salt, tag }: Argon2Hash): string {
  return `$${variant}$v=${version}$m=${m},t=${t},p=${p}$${toBase64(salt)}$${toBase64(tag)}`
}

function blank({ m, t, p, tagBytes }: Argon2Policy): Argon2Hash {
  const none = Buffer.alloc(0)
  return { variant: 'argon2id', version: CURRENT_VERSION, m, t, p, data: none, salt: none, tag: Buffer.alloc(tagBytes) }
}

function derive(password: Buffer, hash: Argon2Hash): Promise<Buffer> {
  return argon2.hash(password, {
    raw: true,
    type: VARIANTS[hash.variant],
    version: hash.version,
    memoryCost: hash.m,
    timeCost: hash.t,
    parallelism: hash.p,
    associatedData: hash.data,
    salt: hash.salt,
    hashLength: hash.tag.length,
  })
}
