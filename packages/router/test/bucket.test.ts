import { bucket, murmur3 } from '@twinspan/router/bucket'
import fc from 'fast-check'
import oracle from 'murmurhash3js-revisited'
import { describe, expect, it } from 'vitest'

const utf8 = new TextEncoder()

describe('murmur3', () => {
  // Published with the reference implementation and in the articles about it.
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['test', 0, 0xba6bd213],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0, 0xc0363e43],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aa', 0x9747b28c, 0x5d211726],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
  ])('hashes %j with seed %d as published', (text, seed, expected) => {
    expect(murmur3(text, seed)).toBe(expected)
  })

  it('hashes bytes as the oracle does, at every length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(0xffffffff), (bytes, seed) => {
        expect(murmur3(bytes, seed)).toBe(oracle.x86.hash32(bytes, seed))
      }),
      { numRuns: 2_000 },
    )
  })

  it('hashes text of every script as the UTF-8 that TextEncoder makes of it, lone surrogates included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(0xffffffff), (text, seed) => {
        expect(murmur3(text, seed)).toBe(oracle.x86.hash32(utf8.encode(text), seed))
      }),
      { numRuns: 2_000 },
    )
    for (const text of [
      '\ud800',
      'a\udc00b',
      '\ud83d\ud83d\ude00',
      '日本語',
      'Ærøskøbing',
      '👩‍👩‍👧',
      '\u{10ffff}',
      '\uffff',
    ]) {
      expect(murmur3(text, 7)).toBe(oracle.x86.hash32(utf8.encode(text), 7))
    }
  })

  it('hashes text that is longer than its scratch memory', () => {
    const text = '長い'.repeat(10_000)
    expect(murmur3(text, 3)).toBe(oracle.x86.hash32(utf8.encode(text), 3))
  })

  it('does not let one text leak into the next', () => {
    const alone = murmur3('b', 1)
    murmur3('a much longer text that was hashed before', 1)
    expect(murmur3('b', 1)).toBe(alone)
  })
})

describe('bucket', () => {
  const scope = { migration: 'users-to-postgres', unit: 'user' }

  it('is an integer in [0, 2^32)', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        const found = bucket(key, scope)
        expect(Number.isInteger(found) && found >= 0 && found < 2 ** 32).toBe(true)
      }),
    )
  })

  it('takes no salt for the empty salt', () => {
    expect(bucket('1', scope)).toBe(bucket('1', { ...scope, salt: '' }))
  })

  it('changes with the migration, the unit and the salt, wherever the border between them lies', () => {
    const scopes = [
      scope,
      { ...scope, salt: '2' },
      { ...scope, unit: 'tenant' },
      { migration: 'users-to-postgresu', unit: 'ser' },
      { migration: 'users-to-postgres","user', unit: '' },
    ]
    expect(new Set(scopes.map((each) => bucket('42', each))).size).toBe(scopes.length)
  })

  const families: Readonly<Record<string, (n: number) => string>> = {
    integers: (n) => String(n),
    'padded integers': (n) => String(n).padStart(12, '0'),
    'e-mails': (n) => `user${n}@example.com`,
    hex: (n) => (n * 2654435761).toString(16),
    'uuid-like': (n) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`,
    'with a common prefix': (n) => `tenant/eu-west-1/customers/${n}`,
    'non-ASCII': (n) => `使用者-${n}-ü`,
  }

  it.each(Object.keys(families))('is uniform over 1,000 parts for %s', (family) => {
    const make = families[family]!
    const counts = new Array<number>(1_000).fill(0)
    const keys = 100_000
    for (let n = 0; n < keys; n++) {
      const part = Math.floor((bucket(make(n), scope) / 2 ** 32) * 1_000)
      counts[part] = (counts[part] ?? 0) + 1
    }
    const expected = keys / 1_000
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    // The 99.9999 % quantile with 999 degrees of freedom.
    expect(chiSquare).toBeLessThan(1_226)
  })

  it('gives two migrations cohorts that know nothing of each other', () => {
    const migrations = Array.from({ length: 24 }, (_, index) => `migration-${index}`)
    const keys = 20_000
    const share = 0.1
    const cohorts = migrations.map((migration) =>
      Array.from({ length: keys }, (_, n) => bucket(`${n}`, { migration, unit: 'user' }) < share * 2 ** 32),
    )
    const squares: number[] = []
    for (let a = 0; a < cohorts.length; a++) {
      for (let b = a + 1; b < cohorts.length; b++) {
        let both = 0
        for (let n = 0; n < keys; n++) if (cohorts[a]![n] && cohorts[b]![n]) both++
        const expected = keys * share * share
        squares.push((both - expected) ** 2 / (expected * (1 - share * share)))
      }
    }
    const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length
    expect(squares).toHaveLength(276)
    expect(mean).toBeGreaterThan(0.7)
    expect(mean).toBeLessThan(1.4)
  })
})
