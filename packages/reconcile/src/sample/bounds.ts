/** What was compared, of how much. */
export interface ParityEvidence {
  /** Keys compared, drawn at random. */
  readonly compared: number
  /** How many of them differed. */
  readonly mismatched: number
  /** How many there are in all, where that is known; the bound is tighter for it. */
  readonly population?: number
  /** @default 0.95 */
  readonly confidence?: number
}

/**
 * The share of equal keys that the evidence proves, one-sided: exact Clopper–Pearson, or the exact hypergeometric bound where
 * the population is known.
 *
 * @example
 * ```ts
 * import { lowerBound } from '@twinspan/reconcile'
 *
 * lowerBound({ compared: 29_956, mismatched: 0 }) // 0.9999
 * lowerBound({ compared: 7_764, mismatched: 0, population: 10_000 }) // 0.9999
 * ```
 */
export function lowerBound({ compared, mismatched, population, confidence = 0.95 }: ParityEvidence): number {
  const risk = 1 - confidence
  if (population !== undefined && population >= compared) return hypergeometric(compared, mismatched, population, risk)
  return clopperPearson(compared, mismatched, risk)
}

/** The smallest share of equal keys under which so few mismatches are not yet less likely than `risk`. */
function clopperPearson(compared: number, mismatched: number, risk: number): number {
  if (compared === 0 || mismatched >= compared) return 0
  if (mismatched === 0) return risk ** (1 / compared)
  let low = mismatched / compared
  let high = 1
  for (let step = 0; step < 100 && low < high; step++) {
    const middle = (low + high) / 2
    if (middle === low || middle === high) break
    if (binomialTail(compared, mismatched, middle) > risk) low = middle
    else high = middle
  }
  return 1 - high
}

/** P(X ≤ x) of `n` draws that each miss with probability `q`. Summed in logarithms: the terms underflow long before their sum does. */
function binomialTail(n: number, x: number, q: number): number {
  const odds = Math.log(q) - Math.log1p(-q)
  let term = n * Math.log1p(-q)
  let sum = term
  for (let i = 0; i < x; i++) {
    term += Math.log((n - i) / (i + 1)) + odds
    sum = addLogs(sum, term)
  }
  return Math.exp(sum)
}

/** Logarithms are not exact; a probability of exactly `risk` is not below it. */
const ROUNDING = 1e-9

/** With `bad` differing keys in the population, seeing so few would be less likely than `risk`: the first such is one too many. */
function hypergeometric(compared: number, mismatched: number, population: number, risk: number): number {
  if (population === 0) return 1
  let possible = mismatched
  let tooMany = population - (compared - mismatched) + 1
  while (tooMany - possible > 1) {
    const bad = Math.floor((possible + tooMany) / 2)
    if (hypergeometricTail(population, bad, compared, mismatched) > risk * (1 - ROUNDING)) possible = bad
    else tooMany = bad
  }
  return 1 - possible / population
}

/** P(X ≤ x) of `n` draws without replacement from `population`, of which `bad` differ. */
function hypergeometricTail(population: number, bad: number, n: number, x: number): number {
  const all = logChoose(population, n)
  let sum = Number.NEGATIVE_INFINITY
  for (let i = Math.max(0, n - (population - bad)); i <= Math.min(x, bad); i++) {
    sum = addLogs(sum, logChoose(bad, i) + logChoose(population - bad, n - i) - all)
  }
  return Math.exp(sum)
}

function addLogs(a: number, b: number): number {
  const larger = Math.max(a, b)
  return larger === Number.NEGATIVE_INFINITY ? larger : larger + Math.log1p(Math.exp(Math.min(a, b) - larger))
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k)
}

/** Stirling's series; small numbers, for which it is not exact enough, are multiplied out. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1
    for (let factor = 2; factor <= n; factor++) product *= factor
    return Math.log(product)
  }
  const inverse = 1 / n
  const correction = inverse / 12 - inverse ** 3 / 360 + inverse ** 5 / 1260 - inverse ** 7 / 1680
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + correction
}
