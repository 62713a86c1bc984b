import { describe, expect, it } from 'vitest'
import { judge, type Write } from './history.ts'

const write = (value: string | null, begun: number, acknowledged?: number, buried?: number): Write => ({
  key: 1,
  value,
  begun: BigInt(begun),
  acknowledged: acknowledged === undefined ? undefined : BigInt(acknowledged),
  buried: buried === undefined ? undefined : BigInt(buried),
})
const image = (value: string | null): Map<number, string> => new Map(value === null ? [] : [[1, value]])
const lost = (found: string | null, ...writes: readonly Write[]): boolean =>
  judge(writes, image(found), image(found)).lost.length > 0

describe('judge', () => {
  it.each([
    ['the last acknowledged write', 'b', [write('a', 1, 2), write('b', 3, 4)], false],
    ['either of two that overlapped', 'a', [write('a', 1, 5), write('b', 2, 4)], false],
    ['a write that was never acknowledged, after the last one', 'u', [write('a', 1, 2), write('u', 3)], false],
    ['nothing, after an acknowledged delete', null, [write('a', 1, 2), write(null, 3, 4)], false],
    ['nothing, when nothing was acknowledged', null, [write('u', 1)], false],
    ['an overwritten value', 'a', [write('a', 1, 2), write('b', 3, 4)], true],
    ['nothing, after an acknowledged put', null, [write('a', 1, 2)], true],
    ['a deleted value', 'a', [write('a', 1, 2), write(null, 3, 4)], true],
    ['a value that nobody wrote', 'x', [write('a', 1, 2)], true],
    [
      'what a process wrote that was buried before the last write began',
      'u',
      [write('u', 1, undefined, 2), write('b', 3, 4)],
      true,
    ],
  ] as const)('finding %s', (_, found, writes, isLost) => {
    expect(lost(found, ...writes)).toBe(isLost)
  })

  it('names the keys that differ, and counts what was acknowledged', () => {
    const verdict = judge([write('a', 1, 2), write('u', 3)], image('a'), image('u'))
    expect(verdict).toMatchObject({ acknowledged: 1, unknown: 1, lost: [] })
    expect(verdict.divergent).toEqual(['key 1: a on legacy, u on target'])
  })
})
