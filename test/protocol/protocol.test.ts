import { describe, expect, it } from 'vitest'
import { explore } from './explore.ts'
import { INTENT_MISTAKES, intentModel } from './intent-model.ts'
import { MIRROR_MISTAKES, mirrorModel, type Write } from './mirror-model.ts'
import { PHASES_MISTAKES, phasesModel } from './phases-model.ts'
import { SWITCH_MISTAKES, switchModel } from './switch-model.ts'

/** Two writers: on one key, with a delete between two puts; and on two keys that share a stripe. */
const STORIES: readonly { readonly name: string; readonly writers: readonly [readonly Write[], readonly Write[]] }[] = [
  {
    name: 'one key',
    writers: [
      [
        { key: 0, value: 1 },
        { key: 0, value: 0 },
      ],
      [{ key: 0, value: 2 }],
    ],
  },
  {
    name: 'two keys',
    writers: [
      [{ key: 0, value: 1 }],
      [
        { key: 1, value: 2 },
        { key: 1, value: 3 },
      ],
    ],
  },
]

describe('I5 the mirror, in every interleaving of two writers and two copiers that die anywhere', () => {
  it.each(STORIES)('$name: has no bad end', ({ writers }) => {
    const { states, counterexample } = explore(mirrorModel(writers))
    expect(counterexample).toBeUndefined()
    expect(states).toBeGreaterThan(1_000)
  })

  it.each(MIRROR_MISTAKES)('has one with this mistake: %s', (mistake) => {
    const found = STORIES.map(({ writers }) => explore(mirrorModel(writers, mistake)).counterexample)
    expect(found.find((one) => one !== undefined)?.wrong).toMatch(/is .* on the primary/)
  })
})

describe('I6, I7 the switch, there and back, with stale writers, copiers both ways, and a driver that dies', () => {
  it('has no bad end', () => {
    const { states, counterexample } = explore(switchModel(1))
    expect(counterexample).toBeUndefined()
    expect(states).toBeGreaterThan(10_000)
  })

  it.each(SWITCH_MISTAKES)('has one with this mistake: %s', (mistake) => {
    expect(explore(switchModel(1, mistake)).counterexample?.wrong).toMatch(/primary|both sides/)
  })
})

describe('I5, I6 capture by intent, with owners that stop and die anywhere, calls that land late, and a switch', () => {
  const stories = [
    { calls: 1, beginsAgain: true, least: 1_000 },
    { calls: 2, beginsAgain: false, least: 10_000 },
  ] as const

  it.each(stories)('has no bad end with $calls calls', ({ least, ...story }) => {
    const { states, counterexample } = explore(intentModel(story))
    expect(counterexample).toBeUndefined()
    expect(states).toBeGreaterThan(least)
  })

  it.each(INTENT_MISTAKES)('has one with this mistake: %s', (mistake) => {
    const found = stories.map((story) => explore(intentModel(story, mistake)).counterexample)
    expect(found.find((one) => one !== undefined)?.wrong).toMatch(/legacy/)
  })
})

describe('I5 two processes that are one phase apart on the way to dual-write', () => {
  const writes = [
    [1, 2],
    [0, 3],
  ] as const

  it('have no bad end', () => {
    const { states, counterexample } = explore(phasesModel(writes))
    expect(counterexample).toBeUndefined()
    expect(states).toBeGreaterThan(1_000)
  })

  it.each(PHASES_MISTAKES)('have one with this mistake: %s', (mistake) => {
    expect(explore(phasesModel(writes, mistake)).counterexample?.wrong).toMatch(/the target holds/)
  })
})

describe('explore', () => {
  it('refuses to call a search that was cut off a proof', () => {
    expect(() => explore(switchModel(1), { limit: 1_000 })).toThrow('more than 1000 states')
  })

  it('finds the shortest road to a bad state', () => {
    const { counterexample } = explore(mirrorModel(STORIES[0]?.writers ?? [[], []], 'mark after the commit'))
    expect(counterexample?.road).toEqual([
      'writer 0: put 1 at key 0: has written, not committed',
      'writer 0: put 1 at key 0: commits',
      'writer 0: put 1 at key 0: dies before its mark',
    ])
  })
})
