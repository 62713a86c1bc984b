import type { CanonicalForm } from '@twinspan/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { differenceOfWritten } from '../src/values/compare-written.ts'

describe('two values in one form', () => {
  it.each<[CanonicalForm, string | null, string | null, string | null]>([
    ['integer', '9007199254740993', '9007199254740992', 'value'],
    ['integer', '1000', '1e3', null],
    ['integer', '', '0', 'value'],
    ['decimal', '12345678901234567890.1000000001', '12345678901234567890.1000000002', 'precision'],
    ['decimal', '0.5', '.50', null],
    ['decimal', '-0', '0', null],
    ['decimal', '1.2345', '1.23', 'precision'],
    ['double', '6.929552204470682e16', '6.9295522044706816e16', null],
    ['double', '0.1', '0.10000000000000002', 'precision'],
    ['double', '', '0', 'value'],
    ['double', '0x10', '16', 'value'],
    ['double', 'NaN', null, 'value'],
    ['double', 'Infinity', '-Infinity', 'value'],
    ['instant', '2024-01-01 00:00:00.123456', '2024-01-01 00:00:00.123457', 'precision'],
    ['instant', '2024-01-01 00:00:00', '2024-01-01 01:00:00', 'timezone-shift'],
    ['instant', 'infinity', null, 'value'],
    ['datetime', '0000-00-00 00:00:00', null, 'value'],
    ['date', '0000-00-00', '1970-01-01', 'value'],
    ['time', '10:00:00', '10:00:00.5', 'precision'],
    ['text', null, '', 'null-vs-empty'],
    ['text', 'a', 'a ', 'padding'],
    ['text', '1', '1.0', 'precision'],
    ['uuid', 'a', 'A', 'value'],
    ['bytes', '00', '', 'value'],
  ])('%s: %j and %j: %s', (form, a, b, reason) => {
    expect(differenceOfWritten(form, a, b)).toBe(reason)
    expect(differenceOfWritten(form, b, a)).toBe(reason)
  })

  it.each<CanonicalForm>(['text', 'uuid', 'bytes', 'date', 'time', 'datetime', 'instant'])(
    'are the same in the form %s only where their texts are',
    (form) => {
      const text = fc.oneof(
        fc.string(),
        fc.constantFrom('', ' ', '2024-01-01', '2024-01-01 00:00:00', '1', '1.0'),
        fc.constant(null),
      )
      fc.assert(
        fc.property(text, text, (a, b) => {
          expect(differenceOfWritten(form, a, b) === null).toBe(a === b)
        }),
      )
    },
  )

  it('are the same numbers only where they are, however many digits they have', () => {
    const number = fc.tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 12 }))
    const written = ([digits, scale]: readonly [bigint, number]): string => {
      const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0')
      const sign = digits < 0n ? '-' : ''
      return scale === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -scale)}.${text.slice(-scale)}`
    }
    fc.assert(
      fc.property(number, number, fc.nat({ max: 5 }), (a, b, zeros) => {
        const isSame = a[0] * 10n ** BigInt(b[1]) === b[0] * 10n ** BigInt(a[1])
        expect(differenceOfWritten('decimal', written(a), written(b)) === null).toBe(isSame)
        const longer = written([a[0] * 10n ** BigInt(zeros), a[1] + zeros])
        expect(differenceOfWritten('decimal', written(a), longer)).toBeNull()
      }),
    )
  })
})
