import { pbkdf2 as derive } from 'node:crypto'
import { promisify } from 'node:util'
import type { Limits } from '../limits.ts'
import { DIGEST_BYTES, type DigestName } from './digest-bytes.ts'
import { type Reading, type Refused, refuse, sameBytes } from './scheme.ts'

const pbkdf2 = promisify(derive)

interface Parts {
  readonly iterations: number | undefined
  readonly salt: Buffer | undefined
  readonly key: Buffer | undefined
}

interface Shape {
  /** What the format does to the password first. */
  readonly prepare?: (password: Buffer) => Buffer
  /** What it does to the derived bytes before it stores them, which are then as many as the digest gives. */
  readonly finish?: (derived: Buffer) => Buffer
}

/** PBKDF2 with these parts, whichever format they were read from. */
export function readPbkdf2(
  digest: DigestName,
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
