import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { difference } from '../src/values/compare-values.ts'

const instant = new Date('2024-03-31T01:30:00.123Z')

describe('two values are the same', () => {
  it.each<[string, unknown, unknown]>([
    ['null and undefined', null, undefined],
    ['a bigint and a number', 7n, 7],
    ['a big integer and its text', 9_007_199_254_740_993n, '9007199254740993'],
    ['a number and its text', 0.1, '0.1'],
    ['a number and its text at another scale', 1.5, '1.5000'],
    ['a number and its text in another notation', 1e21, '1e+21'],
    ['zero and minus zero', 0, -0],
    ['NaN and its text', Number.NaN, 'NaN'],
    ['a double and what mysql2 reads of it', 90.28571428571429, 90.28571428571428],
    ['two NaN', Number.NaN, Number.NaN],
    ['true and 1', true, 1],
    ['false and "0"', false, '0'],
    ['true and "t"', true, 't'],
    ['true and a bit', true, Buffer.from([1])],
    ['a date and an equal one', instant, new Date(instant)],
    ['a date and its ISO text', instant, '2024-03-31T01:30:00.123Z'],
    ['a date and SQL text', instant, '2024-03-31 01:30:00.123'],
    ['a date and SQL text with a zone', instant, '2024-03-31 03:30:00.123+02'],
    ['a date and text that is more precise', instant, '2024-03-31 01:30:00.123456+00:00'],
    ['a date and milliseconds', instant, instant.getTime()],
    ['a date and whole seconds', instant, BigInt(Math.floor(instant.getTime() / 1000))],
    ['bytes and equal ones', Buffer.from('abc'), new Uint8Array([97, 98, 99])],
    ['bytes and their hexadecimal text', Buffer.from('abc'), '\\x616263'],
    [
      'bytes and a UUID',
      Buffer.from('0123456789abcdef0123456789abcdef', 'hex'),
      '01234567-89ab-cdef-0123-456789ABCDEF',
    ],
    ['JSON in another order', { a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 }],
    ['JSON and its text', { a: [1, 'x', null] }, '{"a":[1,"x",null]}'],
    ['an array and its text', ['a', 'b'], '["a", "b"]'],
  ])('%s', (_, a, b) => {
    expect(difference(a, b)).toBeNull()
    expect(difference(b, a)).toBeNull()
  })
})

describe('two values differ', () => {
  it.each<[string, unknown, unknown, string]>([
    ['null and the empty text', null, '', 'null-vs-empty'],
    ['null and zero', null, 0, 'value'],
    ['zero and the empty text', 0, '', 'value'],
    ['false and null', false, null, 'value'],
    ['neighbours beyond 2^53', 9_007_199_254_740_993n, '9007199254740992', 'value'],
    ['two integers', 5, 6, 'value'],
    ['two large integers', 1_000_000_000, 1_000_000_001, 'value'],
    ['a number and a rounded one', 1.23456, '1.23', 'precision'],
    ['a number and a truncated one', 1.6, 1, 'precision'],
    ['doubles four bits apart', 90.28571428571429, 90.28571428571423, 'precision'],
    ['a double and what a float keeps', 0.1234567891, 0.12345679, 'precision'],
    ['the same decimal at another scale, as text', '1.5', '1.50', 'precision'],
    ['true and 2', true, 2, 'value'],
    ['texts in another case', 'Straße', 'STRAßE', 'case'],
    ['texts with padding', 'abc', 'abc   ', 'padding'],
    ['one text in two Unicode forms', 'é', 'e\u0301', 'unicode-form'],
    ['text and what Latin-1 makes of it', 'Zürich', 'ZÃ¼rich', 'encoding'],
    ['text and what is left of it', '東京', '??', 'encoding'],
    ['two texts', 'abc', 'abd', 'value'],
    ['a number and a text', 7, 'seven', 'value'],
    ['instants an hour apart', instant, new Date(instant.getTime() + 3_600_000), 'timezone-shift'],
    ['instants in text an hour apart', '2024-03-31 01:30:00', '2024-03-31 02:30:00', 'timezone-shift'],
    ['an instant and one without its fraction', instant, '2024-03-31 01:30:00Z', 'precision'],
    ['two instants', instant, new Date(instant.getTime() + 61_000), 'value'],
    ['an instant and a zero date', instant, '0000-00-00 00:00:00', 'value'],
    ['bytes', Buffer.from([1, 2]), Buffer.from([1, 3]), 'value'],
    ['JSON texts in another order', '{"a":1,"b":2}', '{"b":2,"a":1}', 'json-order'],
    ['JSON documents', { a: 1 }, { a: 2 }, 'value'],
    ['arrays in another order', [1, 2], [2, 1], 'value'],
  ])('%s: %s', (_, a, b, reason) => {
    expect(difference(a, b)).toBe(reason)
    expect(difference(b, a)).toBe(reason)
  })
})

describe('any value', () => {
  const scalar = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.boolean(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 20 }),
    fc.constantFrom(null, undefined, ''),
  )
  const value = fc.oneof(scalar, fc.jsonValue())

  it('equals itself, and differs the same way round and back', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(difference(a, structuredClone(a))).toBeNull()
        expect(difference(a, b)).toBe(difference(b, a))
      }),
    )
  })

  it.each<[string, fc.Arbitrary<unknown>]>([
    ['text', fc.string({ unit: 'grapheme' })],
    ['a bigint', fc.bigInt()],
    ['a number', fc.float({ noNaN: true })],
  ])('that is %s is never taken for another one', (_, type) => {
    fc.assert(
      fc.property(type, type, (a, b) => {
        expect(difference(a, b) === null).toBe(a === b)
      }),
    )
  })
})
