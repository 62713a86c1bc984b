import { expect, it } from 'vitest'
import { isSameRow } from '../src/fenced-copy/same-row.ts'

it.each<readonly [given: unknown, found: unknown, same: boolean]>([
  [true, 1, true],
  [false, true, false],
  [1.5, '1.50', true],
  [10, '1', false],
  ['1.50', '1.5', false],
  [9007199254740993n, '9007199254740993', true],
  [new Date('2024-01-02T03:04:05Z'), '2024-01-02T03:04:05.000Z', true],
  [new Date('2024-01-02T03:04:05Z'), new Date('2024-01-02T03:04:06Z'), false],
  [{ b: 1, a: [2] }, '{"a": [2], "b": 1}', true],
  [{ a: [1, 2] }, { a: [2, 1] }, false],
  [Buffer.from('ab'), new Uint8Array([97, 98]), true],
  [Buffer.from('ab'), Buffer.from('ac'), false],
  [null, undefined, true],
  [null, '', false],
  [0, null, false],
  ['naïve', 'naive', false],
])('%o given and %o found are alike: %s', (given, found, same) => {
  expect(isSameRow({ value: given }, { value: found, own: 'of the target' })).toBe(same)
})
