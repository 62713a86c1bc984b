import { describe, expect, it } from 'vitest'
import { explore } from './explore.ts'
import { type Mistake, start } from './model.ts'

const LIMITS = { writes: 3, crashes: 1 }

describe('a chunk beside three live writes, two mirrors and crashes anywhere', () => {
  it.each([
    ['has', 1],
    ['lacks', 0],
  ] as const)('never ends with the sides apart when legacy %s the row', (_, legacy) => {
    const { states, bad } = explore(start(legacy, LIMITS))
    expect(bad).toBeUndefined()
    expect(states).toBeGreaterThan(100_000)
  })

  it.each<Mistake>([
    'inserts over what is there',
    'does not compare',
    'compares from memory',
    'moves the checkpoint before the comparison',
    'asks the journal instead of comparing',
    'compares before the insert',
    'takes the digest of legacy before the insert',
  ])('ends with the sides apart when it %s', (mistake) => {
    const { bad } = explore(start(1, LIMITS), mistake)
    const end = bad?.at(-1)
    expect(end).toMatchObject({ journal: 0 })
    expect(end?.legacy).not.toBe(end?.target)
  })
})
