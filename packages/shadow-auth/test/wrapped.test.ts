import { describe, expect, it } from 'vitest'
import { argon2id } from '../src/index.ts'
import { resolveLimits } from '../src/limits.ts'
import { wrap, wrapped } from '../src/wrapped.ts'
import { EVERY } from './every-scheme.ts'
import { CHEAP } from './support.ts'
import { passwordOf, VECTORS } from './vectors.ts'

const hasher = argon2id(CHEAP)
/** What takes longer is of the same form. */
const LIMITS = resolveLimits({
  argon2Work: 8_192,
  bcryptCost: 6,
  pbkdf2Iterations: 30_000,
  scryptWork: 40_000,
  rounds: 30_000,
})

describe('a hash inside another', () => {
  let schemes = 0
  it.each(EVERY)('$name opens to its password and to nothing else', async (scheme) => {
    const read = ({ hash, params }: (typeof VECTORS)[number]) => scheme.read(hash, LIMITS, params)
    const vectors = VECTORS.filter((vector) => vector.scheme === scheme.name && read(vector).ok).slice(0, 2)
    for (const vector of vectors) {
      const { hash, params } = vector
      const reading = read(vector)
      const made = await wrap({ hash, ...(params === undefined ? {} : { params }) }, hasher, [hasher, scheme], LIMITS)
      expect(made !== undefined).toBe(reading.ok && reading.inner !== undefined)
      if (made === undefined || !reading.ok || reading.inner === undefined) continue
      schemes++
      // What belonged to the old hash is inside: the target has no column for it.
      const outer = wrapped(hasher, [hasher, scheme]).read(made, LIMITS)
      if (!outer.ok) throw new Error(`${made} is ${outer.reason}`)
      expect(await outer.verify(passwordOf(vector))).toBe(true)
      const { digest, shell } = reading.inner
      for (const other of [
        '',
        'another',
        digest,
        shell,
        hash,
        made,
        Buffer.from(digest, 'hex'),
        Buffer.from(digest, 'base64'),
      ])
        if (!Buffer.from(other).equals(passwordOf(vector))) expect(await outer.verify(Buffer.from(other))).toBe(false)
      expect(made).not.toContain(digest)
      expect(Buffer.from(made.split('$')[2] ?? '', 'base64url').toString()).not.toContain(digest)
      expect(outer.work?.map((work) => work.scheme.name)).toEqual([scheme.name, 'argon2id'])
    }
  })

  it('is to be had of most schemes', () => {
    expect(schemes).toBeGreaterThan(60)
  })
})
