import { parentPort, workerData } from 'node:worker_threads'
import { ours } from './judges.ts'
import { deltasOf, type Second, seeded } from './traffic.ts'

/** Canaries that are as good as legacy, one per seed, at one per cent of the traffic. */
export interface HealthyRuns {
  readonly rps: number
  readonly seeds: number
  readonly seconds: number
}

export interface Killed {
  readonly rps: number
  readonly seed: number
  readonly signal: string
}

const { rps, seeds, seconds } = workerData as HealthyRuns
const traffic: Second = { legacyRps: rps * 0.99, targetRps: rps * 0.01, legacyErrors: 0.001, targetErrors: 0.001 }
const killed: Killed[] = []
for (let seed = 0; seed < seeds; seed++) {
  const random = seeded(seed + rps)
  let judge = ours()
  for (let second = 1; second <= seconds; second++) {
    const signal = judge(second, deltasOf(random, traffic))
    if (signal === undefined) continue
    killed.push({ rps, seed, signal })
    // What was killed by chance begins anew: every signal has its week.
    judge = ours()
  }
}
parentPort?.postMessage(killed)
