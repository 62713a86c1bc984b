import { InvalidOptionError } from '@twinspan/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BUCKETS, parsePercent } from '../src/percent.ts'

describe('parsePercent', () => {
  it.each([
    ['0', 0],
    [0, 0],
    ['100', 2 ** 32],
    ['100.000', 2 ** 32],
    ['50', 2 ** 31],
    ['0.5', 21_474_836],
    ['1.7', 73_014_444],
    ['0.01', 429_497],
    [0.1, 4_294_967],
    ['0.0000001', 4],
    ['99.9999999', 2 ** 32 - 4],
  ])('reads %j as the threshold %d', (value, threshold) => {
    expect(parsePercent(value).threshold).toBe(threshold)
  })

  it.each([
    ['007.50', '7.5'],
    ['0.0', '0'],
    [25, '25'],
    ['100.00', '100'],
    ['000', '0'],
  ])('writes %j as %s', (value, text) => {
    expect(parsePercent(value).text).toBe(text)
  })

  it.each([
    '',
    ' 1',
    '1 ',
    '+1',
    '-1',
    '-0',
    '1e1',
    '0x10',
    '.5',
    '5.',
    '1,5',
    '١',
    '100.0000001',
    101,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e-7,
    '0.00000001',
    '99.99999999999',
    true,
    null,
    undefined,
    {},
    [1],
    5n,
    Symbol('1'),
  ])('refuses %s', (value) => {
    expect(() => parsePercent(value as string)).toThrow(InvalidOptionError)
  })

  it('says which option was wrong', () => {
    expect(() => parsePercent('half', 'steps')).toThrow(/Option steps takes a decimal from 0 to 100.*got "half"/)
  })

  it('rounds to the nearest threshold, whatever a float would have made of it', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 99_999n }), (thousandths) => {
        const text = `${thousandths / 1_000n}.${String(thousandths % 1_000n).padStart(3, '0')}`
        const { threshold } = parsePercent(text)
        const exact = thousandths * 2n ** 32n
        const distance = BigInt(threshold) * 100_000n - exact
        expect(distance <= 50_000n && distance >= -50_000n).toBe(true)
        expect(threshold > 0 && threshold < BUCKETS).toBe(true)
      }),
    )
  })

  it('grows with the percentage', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 0, max: 10_000 }), (a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a]
        expect(parsePercent(String(low / 100)).threshold).toBeLessThanOrEqual(
          parsePercent(String(high / 100)).threshold,
        )
      }),
    )
  })
})
