import type { GuardDeltas } from '@twinspan/router'

/** A small seeded generator (mulberry32): the same seed tells the same story. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** How many of `n` come out bad at this rate. */
function binomial(random: () => number, n: number, rate: number): number {
  if (rate <= 0 || n === 0) return 0
  if (rate >= 1) return n
  const mean = n * rate
  if (mean * (1 - rate) > 12) {
    // The normal approximation, by Box and Muller.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return Math.min(n, Math.max(0, Math.round(mean + Math.sqrt(mean * (1 - rate)) * normal)))
  }
  // By inversion: one number is enough, however many trials there are.
  let left = random()
  let chance = (1 - rate) ** n
  let count = 0
  while (left >= chance && count < n) {
    left -= chance
    chance *= ((n - count) / (count + 1)) * (rate / (1 - rate))
    count++
  }
  return count
}

/** What a second of a service is like. */
export interface Second {
  readonly legacyRps: number
  readonly targetRps: number
  readonly legacyErrors: number
  readonly targetErrors: number
}

/**
 * What a guard is told of a second. Both sides are equally slow, and the compared reads differ exactly as often as the budget
 * allows: the worst that is still healthy.
 */
export function deltasOf(random: () => number, second: Second): GuardDeltas {
  const { legacyRps, targetRps, legacyErrors, targetErrors } = second
  const slow = { legacy: slownesses(random, legacyRps), target: slownesses(random, targetRps) }
  const latency = (at: 0 | 1 | 2) => ({
    legacy: { total: legacyRps, bad: slow.legacy[at] },
    target: { total: targetRps, bad: slow.target[at] },
  })
  return {
    errors: {
      legacy: { total: legacyRps, bad: binomial(random, legacyRps, legacyErrors) },
      target: { total: targetRps, bad: binomial(random, targetRps, targetErrors) },
    },
    latency: { p90: latency(0), p95: latency(1), p99: latency(2) },
    integrity: { compared: targetRps, mismatched: binomial(random, targetRps, 1e-4) },
  }
}

function slownesses(random: () => number, rps: number): readonly [number, number, number] {
  const p90 = binomial(random, rps, 0.1)
  const p95 = binomial(random, p90, 0.5)
  return [p90, p95, binomial(random, p95, 0.2)]
}
