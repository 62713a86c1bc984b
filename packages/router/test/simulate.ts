import { createGuard, type GuardOptions, type GuardTick } from '../src/index.ts'

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

/** A Poisson number. */
function poisson(random: () => number, mean: number): number {
  if (mean > 30) {
    // The normal approximation, by Box and Muller.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal))
  }
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > limit; product *= random()) count++
  return count
}

export interface Traffic {
  readonly legacyRps: number
  readonly targetRps: number
  readonly legacyErrors: number
  readonly targetErrors: number
}

/** Ticks a guard with the traffic of each tick, until it kills or the time is over. */
export function simulate(
  random: () => number,
  ticks: number,
  trafficAt: (tick: number) => Traffic,
  { secondsPerTick = 1, ...options }: GuardOptions & { readonly secondsPerTick?: number } = {},
): { readonly killedAt: number | undefined; readonly last: GuardTick | undefined } {
  const tickMs = secondsPerTick * 1_000
  const guard = createGuard({ tickMs, ...options })
  let last: GuardTick | undefined
  for (let tick = 1; tick <= ticks; tick++) {
    const { legacyRps, targetRps, legacyErrors, targetErrors } = trafficAt(tick)
    last = guard.tick(tick * tickMs, {
      errors: {
        legacy: { total: legacyRps, bad: Math.min(legacyRps, poisson(random, legacyRps * legacyErrors)) },
        target: { total: targetRps, bad: Math.min(targetRps, poisson(random, targetRps * targetErrors)) },
      },
    })
    if (last.verdict === 'kill') return { killedAt: tick, last }
  }
  return { killedAt: undefined, last }
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
