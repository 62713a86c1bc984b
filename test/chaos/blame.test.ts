import { describe, expect, it } from 'vitest'
import { createBlame, type Mishap } from './blame.ts'

const error = (slot: number, from: number, to: number): Mishap => ({ slot, from, to, what: 'write' })

describe('an error of a user', () => {
  it.each([
    ['while its primary was hurt', error(1, 10_500, 10_600), true],
    ['on a connection that had died of it', error(1, 13_000, 13_100), true],
    ['of a call that began before it', error(1, 9_000, 10_100), true],
    ['of a process that could reach the primary', error(2, 10_500, 10_600), false],
    ['before it', error(1, 9_000, 9_900), false],
    ['long after it', error(1, 15_000, 15_100), false],
  ])('%s', (_, mishap, isDue) => {
    let now = 0
    const blame = createBlame(() => now)
    blame.primaryIs('legacy')
    now = 10_000
    const over = blame.begin('legacy', [1])
    now = 11_000
    over()
    expect(blame.isDue(mishap)).toBe(isDue)
  })

  it('is not explained by what happened to the secondary', () => {
    const blame = createBlame(() => 10_000)
    blame.primaryIs('legacy')
    blame.begin('target', [1])
    expect(blame.isDue(error(1, 10_000, 20_000))).toBe(false)
  })

  it('is explained by what happened to a side that had just become the primary, or had just ceased to be', () => {
    let now = 0
    const blame = createBlame(() => now)
    blame.primaryIs('legacy')
    now = 10_000
    blame.primaryIs('target')
    blame.begin('legacy', [1])
    expect(blame.isDue(error(1, 10_100, 10_200))).toBe(true)
    expect(blame.isDue(error(1, 16_000, 16_100))).toBe(false)
  })
})

it('is explained by what a process could hear of only after it had stood still', () => {
  let now = 0
  const blame = createBlame(() => now)
  blame.primaryIs('legacy')
  now = 10_000
  const moving = blame.begin('process', [1])
  blame.begin('legacy', [1, 2])()
  now = 18_000
  moving()
  expect(blame.isDue(error(1, 18_100, 18_200))).toBe(true)
  expect(blame.isDue(error(2, 18_100, 18_200))).toBe(false)
})

it('takes a slow call for nobody’s fault while a process stood still with its locks', () => {
  let now = 0
  const blame = createBlame(() => now)
  blame.primaryIs('legacy')
  const over = blame.begin('process', [2])
  now = 1_000
  over()
  expect(blame.isSlowed(error(1, 500, 1_800))).toBe(true)
  expect(blame.isSlowed(error(1, 1_100, 2_200))).toBe(false)
  expect(blame.isDue(error(1, 500, 1_800))).toBe(false)
})
