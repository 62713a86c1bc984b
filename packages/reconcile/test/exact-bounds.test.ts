import { lowerBound, sequentialVerdict } from '@twinspan/reconcile'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** A share as a fraction of whole numbers: nothing here is rounded. */
type Fraction = readonly [numerator: bigint, denominator: bigint]

const RISK: Fraction = [1n, 20n]

/** Whether of `n` draws that each miss with probability `q` at most `x` miss with less than the risk, or exactly with it. */
function isBinomialUnlikely(n: number, x: number, [bad, all]: Fraction): boolean {
  const good = all - bad
  let ways = 0n
  let choices = 1n
  for (let i = 0; i <= x; i++) {
    ways += choices * bad ** BigInt(i) * good ** BigInt(n - i)
    choices = (choices * BigInt(n - i)) / BigInt(i + 1)
  }
  return ways * RISK[1] <= all ** BigInt(n) * RISK[0]
}

function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n
  let result = 1n
  for (let i = 1; i <= k; i++) result = (result * BigInt(n - k + i)) / BigInt(i)
  return result
}

/** Whether so few misses are less likely than the risk when `bad` of the population miss. */
function isHypergeometricUnlikely(population: number, bad: number, n: number, x: number): boolean {
  let ways = 0n
  for (let i = 0; i <= x; i++) ways += choose(bad, i) * choose(population - bad, n - i)
  return ways * RISK[1] < choose(population, n) * RISK[0]
}

/** What Wald's test says of rates that are fractions: the likelihoods are compared as they are, without a logarithm. */
function walds(compared: number, mismatched: number, good: Fraction, bad: Fraction): string {
  const [clean, wrong] = [BigInt(compared - mismatched), BigInt(mismatched)]
  const likelihood = ([n, d]: Fraction): Fraction => [n ** wrong * (d - n) ** clean, d ** BigInt(compared)]
  const [left, right] = [likelihood(bad), likelihood(good)]
  const [ofBad, ofGood] = [left[0] * right[1], right[0] * left[1]]
  if (ofBad * 19n <= ofGood) return 'accepted'
  return ofBad >= ofGood * 19n ? 'rejected' : 'open'
}

/** A double is a fraction of a power of two. */
function fractionOf(value: number): Fraction {
  const scale = 2 ** 60
  return [BigInt(value * scale), BigInt(scale)]
}

describe('against arithmetic that rounds nothing', () => {
  it.each([
    [0, 29_956],
    [1, 47_437],
    [2, 62_956],
    [3, 77_535],
  ])('%d mismatches prove four nines after %d comparisons, and not one before', (mismatched, compared) => {
    const claim: Fraction = [1n, 10_000n]
    for (const [n, isProof] of [
      [compared, true],
      [compared - 1, false],
    ] as const) {
      expect(isBinomialUnlikely(n, mismatched, claim)).toBe(isProof)
      expect(lowerBound({ compared: n, mismatched }) >= 0.9999).toBe(isProof)
    }
  })

  it.each([
    [10_000, 7_764],
    [100_000, 23_840],
  ])('a population of %d takes %d clean comparisons, and not one less', (population, compared) => {
    const tooMany = population / 10_000 + 1
    for (const [n, isProof] of [
      [compared, true],
      [compared - 1, false],
    ] as const) {
      // Without replacement and without a miss: the misses all lie in what was not drawn.
      let [left, all] = [1n, 1n]
      for (let i = 0; i < tooMany; i++) {
        left *= BigInt(population - n - i)
        all *= BigInt(population - i)
      }
      expect(left * 20n < all).toBe(isProof)
      expect(lowerBound({ compared: n, mismatched: 0, population }) >= 0.9999).toBe(isProof)
    }
  })

  it.each([
    [0, 32_715],
    [1, 32_715 + 25_583 + 1],
    [2, 32_715 + 2 * 25_583 + 2],
  ])('the sequential test accepts %d mismatches after %d keys', (mismatched, compared) => {
    const rates: readonly [Fraction, Fraction] = [
      [1n, 100_000n],
      [1n, 10_000n],
    ]
    // The figures that are told are rounded up per mismatch.
    const first = [compared - 2, compared - 1, compared].find((n) => walds(n, mismatched, ...rates) === 'accepted') ?? 0
    expect(walds(first - 1, mismatched, ...rates)).toBe('open')
    expect(sequentialVerdict({ compared: first, mismatched })).toBe('accepted')
    expect(sequentialVerdict({ compared: first - 1, mismatched })).toBe('open')
  })

  const evidence = fc
    .integer({ min: 2, max: 300 })
    .chain((compared) => fc.record({ compared: fc.constant(compared), mismatched: fc.nat({ max: compared - 1 }) }))

  it('the bound of Clopper and Pearson is right to the eleventh digit', () => {
    fc.assert(
      fc.property(evidence, ({ compared, mismatched }) => {
        const bad = 1 - lowerBound({ compared, mismatched })
        expect(isBinomialUnlikely(compared, mismatched, fractionOf(Math.min(1, bad * (1 + 1e-11))))).toBe(true)
        expect(isBinomialUnlikely(compared, mismatched, fractionOf(bad * (1 - 1e-11)))).toBe(false)
      }),
    )
  })

  it('the bound of a population is the one that counting gives', () => {
    const counted = fc
      .integer({ min: 1, max: 200 })
      .chain((population) => fc.tuple(fc.constant(population), fc.integer({ min: 1, max: population })))
      .chain(([population, compared]) =>
        fc.tuple(fc.constant(population), fc.constant(compared), fc.nat({ max: compared })),
      )
    fc.assert(
      fc.property(counted, ([population, compared, mismatched]) => {
        let bad = mismatched
        while (
          population - (bad + 1) >= compared - mismatched &&
          !isHypergeometricUnlikely(population, bad + 1, compared, mismatched)
        ) {
          bad++
        }
        expect(lowerBound({ compared, mismatched, population })).toBe(1 - bad / population)
      }),
    )
  })

  it('the sequential test says what the likelihoods say', () => {
    const rates = fc.tuple(fc.integer({ min: 200, max: 2_000 }), fc.integer({ min: 3, max: 60 }))
    const some = fc.tuple(fc.nat({ max: 1_500 }), fc.nat({ max: 30 }), rates)
    fc.assert(
      fc.property(some, ([clean, mismatched, [rare, common]]) => {
        const compared = clean + mismatched
        const options = { good: 1 / rare, bad: 1 / common }
        expect(sequentialVerdict({ compared, mismatched }, options)).toBe(
          walds(compared, mismatched, [1n, BigInt(rare)], [1n, BigInt(common)]),
        )
      }),
    )
  })
})
