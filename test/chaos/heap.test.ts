import { expect, it } from 'vitest'
import { slopeOf } from './heap.ts'

it('draws the line through all samples by least squares', () => {
  const samples = [0, 1, 2, 3].map((hours) => ({ hours, mb: 20 + 3 * hours + (hours % 2 === 0 ? 1 : -1) }))
  // Worked out by hand: of deviations (-1.5, -0.5, 0.5, 1.5) and (-3.5, -2.5, 2.5, 3.5).
  expect(slopeOf(samples)).toBeCloseTo(13 / 5)
})
