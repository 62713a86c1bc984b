import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Key, keyFromJson, keyText, keyToJson, parseKey, STRIPES, stripeOf } from '../src/index.ts'

const part = fc.oneof(fc.string({ unit: 'grapheme' }), fc.maxSafeInteger(), fc.bigInt())

describe('keyText', () => {
  it('is one text for one key, however the driver handed it out', () => {
    expect([7, 7n, '7', [7], ['7']].map((key) => keyText(key))).toEqual(Array(5).fill('7'))
  })

  it('tells any two tuples apart, separators and escapes included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { minLength: 2, maxLength: 4 }),
        fc.array(fc.string(), { minLength: 2, maxLength: 4 }),
        (a, b) => {
          fc.pre(a.length === b.length && a.some((value, index) => value !== b[index]))
          return keyText(a) !== keyText(b)
        },
      ),
    )
  })

  it('comes back as the parts that it was made of', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const back = parseKey(keyText(parts), parts.length)
        expect(Array.isArray(back) ? back : [back]).toEqual(parts.map(String))
      }),
    )
  })

  it.each([[1.5], [Number.MAX_SAFE_INTEGER + 1], [Number.NaN], [null], [undefined], [{}], [[]], [[1, null]]])(
    'refuses %j without repeating it',
    (key) => {
      expect(() => keyText(key as unknown as Key)).toThrow(expect.objectContaining({ code: 'TWINSPAN_INVALID_KEY' }))
    },
  )

  it('refuses a text of another number of parts', () => {
    expect(() => parseKey('a|b', 3)).toThrow(expect.objectContaining({ code: 'TWINSPAN_INVALID_KEY' }))
  })
})

describe('stripeOf', () => {
  it('is a stripe, and the same one in every release: processes of two releases share the stripes', () => {
    expect(['1', '2', '42', 'a|b', '東京'].map(stripeOf)).toEqual([16, 25, 32, 26, 55])
    fc.assert(fc.property(fc.string(), (text) => stripeOf(text) >= 0 && stripeOf(text) < STRIPES))
  })

  it('spreads consecutive numbers', () => {
    const counts = new Array<number>(STRIPES).fill(0)
    for (let id = 0; id < 64_000; id++) counts[stripeOf(String(id))]!++
    expect(Math.min(...counts)).toBeGreaterThan(500)
    expect(Math.max(...counts)).toBeLessThan(2_000)
  })
})

describe('keyToJson', () => {
  it('gives back the same key, of the same type', () => {
    fc.assert(
      fc.property(fc.oneof(part, fc.array(part, { minLength: 2 })), (key) => {
        expect(keyFromJson(JSON.parse(JSON.stringify(keyToJson(key))))).toEqual(Object.is(key, -0) ? 0 : key)
      }),
    )
  })
})
