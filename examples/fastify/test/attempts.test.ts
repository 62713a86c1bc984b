import { expect, it } from 'vitest'
import { createAttempts } from '../src/attempts.ts'

it('counts failed attempts by address, in windows', () => {
  let now = 0
  const attempts = createAttempts(2, 60_000, () => now)
  attempts.count('a')
  expect(attempts.waitFor('a')).toBe(0)
  now = 10_000
  attempts.count('a')
  expect([attempts.waitFor('a'), attempts.waitFor('b')]).toEqual([50, 0])
  now = 60_000
  expect(attempts.waitFor('a')).toBe(0)
  attempts.count('a')
  expect(attempts.waitFor('a')).toBe(0)
})
