import { lowerBound } from '@twinspan/reconcile'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const CLAIM = 0.9999

describe('the bound of a sample', () => {
  it.each([
    [0, 29_956],
    [1, 47_437],
    [2, 62_956],
    [3, 77_535],
  ])('with %d mismatches proves 99.99 %% after %d comparisons and not one before', (mismatched, compared) => {
    expect(lowerBound({ compared, mismatched })).toBeGreaterThanOrEqual(CLAIM)
    expect(lowerBound({ compared: compared - 1, mismatched })).toBeLessThan(CLAIM)
  })

  it.each([
    [10_000, 7_764],
    [100_000, 23_840],
  ])('of a population of %d proves 99.99 %% after %d clean comparisons and not one before', (population, compared) => {
    expect(lowerBound({ compared, mismatched: 0, population })).toBeGreaterThanOrEqual(CLAIM)
    expect(lowerBound({ compared: compared - 1, mismatched: 0, population })).toBeLessThan(CLAIM)
  })

  it('is the truth itself when everything was compared', () => {
    expect(lowerBound({ compared: 1_000, mismatched: 3, population: 1_000 })).toBe(0.997)
    expect(lowerBound({ compared: 1_000, mismatched: 0, population: 1_000 })).toBe(1)
    expect(lowerBound({ compared: 0, mismatched: 0, population: 0 })).toBe(1)
  })

  it('proves nothing when nothing was compared, or everything differed', () => {
    expect(lowerBound({ compared: 0, mismatched: 0 })).toBe(0)
    expect(lowerBound({ compared: 50, mismatched: 50 })).toBe(0)
  })

  it('agrees with tables of Clopper and Pearson', () => {
    // One-sided 95 %: 1 - BETAINV(0.95; x + 1; n - x).
    expect(lowerBound({ compared: 10, mismatched: 0 })).toBeCloseTo(0.7411344, 7)
    expect(lowerBound({ compared: 10, mismatched: 1 })).toBeCloseTo(0.6058367, 6)
    expect(lowerBound({ compared: 20, mismatched: 5 })).toBeCloseTo(0.5444176, 6)
  })

  it('is exactly where so few mismatches become as unlikely as the risk', () => {
    const evidence = fc
      .integer({ min: 2, max: 60 })
      .chain((compared) =>
        fc.record({ compared: fc.constant(compared), mismatched: fc.integer({ min: 0, max: compared - 1 }) }),
      )
    fc.assert(
      fc.property(evidence, ({ compared, mismatched }) => {
        const bad = 1 - lowerBound({ compared, mismatched })
        expect(binomial(compared, mismatched, bad)).toBeCloseTo(0.05, 9)
      }),
    )
  })

  it('counts every population of a small table', () => {
    const evidence = fc
      .integer({ min: 1, max: 24 })
      .chain((population) => fc.tuple(fc.constant(population), fc.integer({ min: 1, max: population })))
      .chain(([population, compared]) =>
        fc.tuple(fc.constant(population), fc.constant(compared), fc.integer({ min: 0, max: compared })),
      )
    fc.assert(
      fc.property(evidence, ([population, compared, mismatched]) => {
        const possible = Array.from({ length: population + 1 }, (_, bad) => bad).filter(
          (bad) =>
            bad >= mismatched &&
            population - bad >= compared - mismatched &&
            hypergeometric(population, bad, compared, mismatched) > 0.05 - 1e-10,
        )
        const expected = 1 - Math.max(...possible) / population
        expect(lowerBound({ compared, mismatched, population })).toBeCloseTo(expected, 12)
      }),
    )
  })

  it('grows with the comparisons and shrinks with the mismatches', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 200_000 }), fc.integer({ min: 0, max: 9 }), (compared, mismatched) => {
        const bound = lowerBound({ compared, mismatched })
        expect(bound).toBeLessThan(lowerBound({ compared: compared + 10, mismatched }))
        expect(bound).toBeGreaterThan(lowerBound({ compared, mismatched: mismatched + 1 }))
      }),
    )
  })
})

/** P(X ≤ x), multiplied out. */
function binomial(n: number, x: number, q: number): number {
  let sum = 0
  for (let i = 0; i <= x; i++) sum += Number(choose(n, i)) * q ** i * (1 - q) ** (n - i)
  return sum
}

function hypergeometric(population: number, bad: number, n: number, x: number): number {
  let ways = 0n
  for (let i = 0; i <= x; i++) ways += choose(bad, i) * choose(population - bad, n - i)
  return Number(ways) / Number(choose(population, n))
}

function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n
  let result = 1n
  for (let i = 1; i <= k; i++) result = (result * BigInt(n - k + i)) / BigInt(i)
  return result
}
