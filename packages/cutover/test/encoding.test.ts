import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeExact, decodeRow, encodeRow } from '../src/index.ts'

describe('a row in an archive', () => {
  it.each<[string, unknown, string]>([
    ['a big integer', { v: 2n ** 63n }, '{"v":{"$bigint":"9223372036854775808"}}'],
    ['a date', { v: new Date(0) }, '{"v":{"$date":"1970-01-01T00:00:00.000Z"}}'],
    ['an invalid date', { v: new Date(Number.NaN) }, '{"v":{"$date":null}}'],
    ['bytes', { v: Buffer.from([0, 255]) }, '{"v":{"$bytes":"AP8="}}'],
    ['minus zero', { v: -0 }, '{"v":{"$number":"-0"}}'],
    ['NaN', { v: Number.NaN }, '{"v":{"$number":"NaN"}}'],
    ['an infinity', { v: Number.NEGATIVE_INFINITY }, '{"v":{"$number":"-Infinity"}}'],
    ['undefined', { v: undefined }, '{"v":{"$undefined":true}}'],
    ['a value that looks like a tag', { v: { $bigint: '7' } }, '{"v":{"$object":{"$bigint":"7"}}}'],
    ['a column that looks like a tag', { $date: 1 }, '{"$object":{"$date":1}}'],
    ['half a character', { v: '\ud800' }, '{"v":"\\ud800"}'],
    ['a name that objects inherit', JSON.parse('{"__proto__":{"x":1}}'), '{"__proto__":{"x":1}}'],
  ])('keeps %s', (_, row, line) => {
    expect(encodeRow(row)).toBe(line)
    const back = decodeRow(line)
    expect(back).toEqual(row)
    expect(Object.keys(back as object)).toEqual(Object.keys(row as object))
  })

  it('reads bytes of any kind back as a buffer', () => {
    expect(decodeRow(encodeRow({ v: new Uint8Array([1, 2, 3]).subarray(1) }))).toEqual({ v: Buffer.from([2, 3]) })
  })

  it.each([
    ['Map', { profile: { tags: new Map() } }, 'profile.tags'],
    ['Float32Array', { vector: new Float32Array(1) }, 'vector'],
    ['Secret', { hash: new (class Secret {})() }, 'hash'],
    ['symbol', { list: [1, Symbol('x')] }, 'list[1]'],
  ])('refuses a %s with the name of its column', (kind, row, column) => {
    expect(() => encodeRow(row)).toThrow(expect.objectContaining({ code: 'TWINSPAN_ARCHIVE' }) as Error)
    expect(() => encodeRow(row)).toThrow(`Column ${column} holds a ${kind}`)
  })

  it('is written beside what it cannot say', () => {
    const [row, exact] = [{ id: 1, at: new Date(0) }, { at: '1970-01-01 00:00:00.000001' }]
    const line = encodeRow(row, exact)
    expect(line).toBe(
      '{"$row":{"id":1,"at":{"$date":"1970-01-01T00:00:00.000Z"}},"$exact":{"at":"1970-01-01 00:00:00.000001"}}',
    )
    expect([decodeRow(line), decodeExact(line)]).toEqual([row, exact])
    const alike = { $row: { id: 1 }, $exact: { id: 'x' } }
    expect([decodeRow(encodeRow(alike)), decodeExact(encodeRow(alike))]).toEqual([alike, {}])
    expect(decodeExact(encodeRow(row))).toEqual({})
  })

  it('gives back whatever goes in', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.bigInt(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(undefined),
      fc.date(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    )
    const name = fc.oneof(fc.string(), fc.constantFrom('$bigint', '$object', '$', '$date'))
    const { row } = fc.letrec((tie) => ({
      row: fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 3 }), tie('row')),
    }))
    fc.assert(
      fc.property(row, (value) => {
        const line = encodeRow(value)
        expect(line).not.toContain('\n')
        expect(decodeRow(line)).toEqual(value)
        expect(encodeRow(decodeRow(line))).toBe(line)
      }),
      { numRuns: 500 },
    )
  })
})
