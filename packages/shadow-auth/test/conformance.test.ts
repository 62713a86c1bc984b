import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { identify, verifyPassword } from '../src/index.ts'
import { allSchemes } from '../src/schemes/index.ts'

interface Vector {
  readonly source?: string
  readonly scheme: string
  readonly text?: string
  readonly base64?: string
  readonly hash: string
}

const passlib = read('passlib.json') as { source: string; correct: Vector[]; malformed: Vector[] }
const published = read('published.json') as Vector[]

const vectors: Vector[] = [...passlib.correct.map((vector) => ({ ...vector, source: passlib.source })), ...published]
const schemes = allSchemes()
const passed = new Map<string, { count: number; sources: Set<string> }>()

// Formats of the published suites that no scheme of this package reads: they have to be refused, not to crash.
const FOREIGN = new Set([
  'mysql323',
  'mysql41',
  'postgres_md5',
  'django_argon2',
  'django_salted_md5',
  'django_salted_sha1',
  'cta_pbkdf2_sha1',
  'dlitz_pbkdf2_sha1',
])

const known = vectors.filter((vector) => !FOREIGN.has(vector.scheme))

describe('published vectors', () => {
  it.each(known)('verifies $hash', async (vector) => {
    const password = bytes(vector)
    const right = await verifyPassword(password, vector.hash, schemes)
    expect(right).toEqual({ ok: true, scheme: identify(vector.hash)?.scheme })

    const wrong = await verifyPassword(
      Buffer.concat([Buffer.from('x'), password.subarray(0, 60)]),
      vector.hash,
      schemes,
    )
    expect(wrong).toEqual({ ok: false, scheme: right.scheme })

    const row = passed.get(right.scheme ?? '') ?? { count: 0, sources: new Set<string>() }
    passed.set(right.scheme ?? '', { count: row.count + 1, sources: row.sources.add(vector.source ?? '') })
  })

  it.each(passlib.malformed)('refuses the malformed $hash', async ({ hash }) => {
    const { ok, reason } = await verifyPassword('password', hash, schemes)
    expect({ ok, refused: reason !== undefined && reason !== 'ambiguous' }).toEqual({
      ok: false,
      refused: isMalformed(hash),
    })
  })

  it.each(vectors.filter((vector) => FOREIGN.has(vector.scheme)))('refuses the foreign $hash', async ({ hash }) => {
    const { ok, reason } = await verifyPassword('password', hash, schemes)
    expect(ok).toBe(false)
    expect(['unsupported', 'malformed']).toContain(reason)
  })

  it('claims every hash with one scheme at most', () => {
    for (const { hash } of vectors) {
      expect(schemes.filter((scheme) => scheme.claims(hash)).length).toBeLessThanOrEqual(1)
    }
  })
})

describe('dummies', () => {
  it.each(schemes)(
    '$name makes one that it can read, at the cost asked for, and that no password fits',
    async (scheme) => {
      const usual = await verifyPassword('password', scheme.dummy(), [scheme])
      expect(usual).toEqual({ ok: false, scheme: scheme.name })
      for (const { hash } of known.filter((vector) => scheme.claims(vector.hash))) {
        const params = identify(hash)?.params
        expect(identify(scheme.dummy(params))).toMatchObject({
          scheme: scheme.name,
          ...(scheme.name === 'ldap-crypt' ? {} : { params }),
        })
      }
    },
  )
})

afterAll(() => {
  const rows = [...passed].sort(([a], [b]) => a.localeCompare(b))
  const lines = rows.map(
    ([scheme, { count, sources }]) => `${scheme.padEnd(24)}${String(count).padStart(4)}  ${[...sources].join('; ')}`,
  )
  const total = rows.reduce((sum, [, { count }]) => sum + count, 0)
  console.log([`${'scheme'.padEnd(24)}   ok  sources`, ...lines, `${rows.length} schemes, ${total} vectors`].join('\n'))
})

// passlib calls `$2x$` malformed because it does not support it; for a password of ASCII it is an ordinary bcrypt hash.
function isMalformed(hash: string): boolean {
  return !hash.startsWith('$2x$')
}

function bytes({ text, base64 }: Vector): Buffer {
  return base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(base64, 'base64')
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`vectors/${name}`, import.meta.url), 'utf8'))
}
