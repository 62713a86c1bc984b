import { describe, expect, it } from 'vitest'
import { createDiary, type Image, judge, type Write } from './history.ts'

const write = (value: string | null, begun: number, acknowledged?: number, buried?: number): Write => ({
  key: 1,
  value,
  begun: BigInt(begun),
  acknowledged: acknowledged === undefined ? undefined : BigInt(acknowledged),
  buried: buried === undefined ? undefined : BigInt(buried),
})
const image = (value: string | null, rest: string | null = null): Image =>
  new Map(value === null ? [] : [[1, { value, rest }]])
const lost = (found: string | null, ...writes: readonly Write[]): boolean =>
  judge(writes, image(found), image(found)).lost.length > 0

describe('judge', () => {
  it.each([
    ['the last acknowledged write', 'b', [write('a', 1, 2), write('b', 3, 4)], false],
    ['either of two that overlapped', 'a', [write('a', 1, 5), write('b', 2, 4)], false],
    ['a write that was never acknowledged, after the last one', 'u', [write('a', 1, 2), write('u', 3)], false],
    ['nothing, after an acknowledged delete', null, [write('a', 1, 2), write(null, 3, 4)], false],
    ['nothing, when nothing was acknowledged', null, [write('u', 1)], false],
    ['what a dead process may have written just before it was buried', 'u', [write('u', 1, undefined, 9)], false],
    ['an overwritten value', 'a', [write('a', 1, 2), write('b', 3, 4)], true],
    ['nothing, after an acknowledged put', null, [write('a', 1, 2)], true],
    ['a deleted value', 'a', [write('a', 1, 2), write(null, 3, 4)], true],
    ['nothing, after a delete and an acknowledged put', null, [write(null, 1, 2), write('a', 3, 4)], true],
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
    expect(verdict.divergent).toEqual(['key 1: a (null) on legacy, u (null) on target'])
  })

  it.each([
    ['what was there before the first write', null, 1, [write('a', 1, 2)], 0],
    ['the last write', 'b', 5, [write('a', 1, 2), write('b', 3, 4)], 0],
    ['a write that had not been acknowledged yet', 'a', 5, [write('a', 4, 9), write('b', 1, 2)], 0],
    ['what another write may have overwritten only later', 'a', 5, [write('a', 1, 2), write('b', 3, 6)], 0],
    ['a write that was overwritten before', 'a', 5, [write('a', 1, 2), write('b', 3, 4)], 1],
    ['nothing where something was acknowledged', null, 5, [write('a', 1, 2)], 1],
    ['what a delete had taken away', 'a', 5, [write('a', 1, 2), write(null, 3, 4)], 1],
  ] as const)('takes %s, found under the lock of its row, for lost or not', (_, value, begun, writes, count) => {
    const mine = write('mine', begun, 100)
    const sightings = [{ key: 1, value, begun: BigInt(begun) }]
    const { lost: atEnd, lostMeanwhile } = judge([...writes, mine], image('mine'), image('mine'), sightings)
    expect(atEnd).toEqual([])
    expect(lostMeanwhile).toHaveLength(count)
  })

  it.each([
    ['a row that only legacy has', image('a'), image(null)],
    ['a row that only the target has', image(null), image('a')],
    ['the same value with another code', image('a', 'c1'), image('a', 'c2')],
  ])('finds %s to be divergent', (_, legacy, target) => {
    const possible = [write('a', 1), write(null, 1)]
    expect(judge(possible, legacy, target).divergent).toHaveLength(1)
  })
})

describe('a diary', () => {
  it('keeps of an acknowledged call what it did, and of one that never ended everything that it might have done', () => {
    const diary = createDiary()
    const possible = [
      [1, null],
      [2, 'm'],
    ] as const
    diary.begin(0, 1n, possible)
    diary.end(0, 2n, [[2, 'm']], [2, 'before'])
    diary.begin(1, 3n, possible)
    diary.bury(9n)
    expect(diary.sightings).toEqual([{ key: 2, value: 'before', begun: 1n }])
    expect(diary.writes).toEqual([
      { key: 2, value: 'm', begun: 1n, acknowledged: 2n, buried: undefined },
      { key: 1, value: null, begun: 3n, acknowledged: undefined, buried: 9n },
      { key: 2, value: 'm', begun: 3n, acknowledged: undefined, buried: 9n },
    ])
  })
})
