// npm run bench -- guard [--seeds=20] [--days=7]
// When a guard kills healthy canaries, and how long a sick one lives. Seeded: the same figures every time.
import { Worker } from 'node:worker_threads'
import type { SideName } from '@twinspan/core'
import { createGuard } from '@twinspan/router'
import { createOutcomes } from '../../packages/router/src/guard/outcomes.ts'
import type { BenchContext, Cases, Measurement } from './bench.ts'
import type { HealthyRuns, Killed } from './guard/healthy-runs.ts'
import { fixedThreshold, halfBreaker, type Judge, ours, zTest } from './guard/judges.ts'
import { deltasOf, type Second, seeded } from './guard/traffic.ts'

const BASE = 0.001
const SIGNALS = ['errors', 'latency', 'integrity']
const RUNS = 101
const QUIET = 600

const READ = { type: 'read-outcome', entity: 'users', operation: 'find', durationMs: 1 } as const

/** One per cent of a thousand reads a second. */
const HEALTHY: Second = { legacyRps: 990, targetRps: 10, legacyErrors: BASE, targetErrors: BASE }

/** A week of healthy canaries for every seed, half of them on another core. */
async function falseKills(context: BenchContext): Promise<readonly Measurement[]> {
  const seeds = option(context, 'seeds', 20)
  const seconds = Math.round(option(context, 'days', 7) * 86_400)
  const killed = (await Promise.all([100, 1_000].map((rps) => healthyRuns({ rps, seeds, seconds })))).flat()
  return [
    { metric: 'kills', value: killed.length, unit: 'kills' },
    ...[100, 1_000].flatMap((rps) =>
      SIGNALS.map((signal) => ({
        metric: `kills.${rps}rps.${signal}`,
        value: killed.filter((kill) => kill.rps === rps && kill.signal === signal).length,
        unit: 'kills',
      })),
    ),
    { metric: 'simulated', value: (2 * seeds * seconds) / 86_400, unit: 'days' },
  ]
}

function healthyRuns(runs: HealthyRuns): Promise<readonly Killed[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./guard/healthy-runs.ts', import.meta.url), { workerData: runs })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

/** Of twenty canaries that are healthy for six hours: how many a judge kills for their errors. */
function sixHours(judge: () => Judge): readonly Measurement[] {
  const kills = [100, 1_000].map((rps) => {
    const traffic = { ...HEALTHY, legacyRps: rps * 0.99, targetRps: rps * 0.01 }
    let count = 0
    for (let seed = 0; seed < 20; seed++) if (firstKill(judge(), seed, 6 * 3_600, () => traffic) !== undefined) count++
    return count
  })
  return [
    { metric: 'kills', value: (kills[0] ?? 0) + (kills[1] ?? 0), unit: 'kills' },
    { metric: 'kills.100rps', value: kills[0] ?? 0, unit: 'kills' },
    { metric: 'kills.1000rps', value: kills[1] ?? 0, unit: 'kills' },
    { metric: 'canaries', value: 40, unit: 'canaries' },
  ]
}

function firstKill(
  judge: Judge,
  seed: number,
  seconds: number,
  trafficAt: (second: number) => Second,
): number | undefined {
  const random = seeded(seed)
  for (let second = 1; second <= seconds; second++) {
    if (judge(second, deltasOf(random, trafficAt(second))) !== undefined) return second
  }
  return undefined
}

/** How long after the beginning of a regression it is killed. Runs that were killed before it count as they are: at once. */
function delay(judge: () => Judge, rate: number, quiet = QUIET, runs = RUNS): readonly Measurement[] {
  const delays = Array.from({ length: runs }, (_, run) => {
    const killed = firstKill(judge(), 1_000 + run, quiet + 3_600, (second) =>
      second > quiet ? { ...HEALTHY, targetErrors: rate } : HEALTHY,
    )
    return Math.max(0, (killed ?? quiet + 3_600) - quiet)
  }).sort((a, b) => a - b)
  const at = (share: number): number => delays[Math.floor((delays.length - 1) * share)] ?? Number.NaN
  return [
    { metric: 'seconds', value: at(0.5), unit: 's' },
    { metric: 'seconds.p95', value: at(0.95), unit: 's' },
  ]
}

/** An hour in which both sides are forty times as bad, and ten minutes in which nothing works at all. */
function sharedOutage(): readonly Measurement[] {
  let kills = 0
  for (let seed = 0; seed < 20; seed++) {
    const killed = firstKill(ours(), seed, 3 * 3_600, (second) => {
      const rate = second > 7_200 && second < 7_800 ? 1 : second > 1_800 && second < 5_400 ? 40 * BASE : BASE
      return { ...HEALTHY, legacyErrors: rate, targetErrors: rate }
    })
    if (killed !== undefined) kills++
  }
  return [{ metric: 'kills', value: kills, unit: 'kills' }]
}

/** Every unit whose read fails repeats it twenty times a second for ten seconds, in vain, and one user of target never succeeds. */
function retryStorm(oncePerMs: number): readonly Measurement[] {
  let kills = 0
  for (let seed = 0; seed < 20; seed++) {
    const random = seeded(seed)
    const outcomes = createOutcomes({ latency: false, oncePerMs })
    const guard = createGuard()
    const retrying: { readonly side: SideName; readonly unit: string; readonly until: number }[] = []
    const read = (second: number, side: SideName, ok: boolean, unit: string): void => {
      outcomes.read(second * 1_000, { ...READ, side, ok, unit })
      if (!ok) retrying.push({ side, unit, until: second + 10 })
    }
    let isKilled = false
    for (let second = 1; second <= 1_800 && !isKilled; second++) {
      while ((retrying[0]?.until ?? second) < second) retrying.shift()
      for (const { side, unit } of retrying) {
        for (let n = 0; n < 20; n++) outcomes.read(second * 1_000, { ...READ, side, ok: false, unit })
      }
      for (let n = 0; n < 990; n++) read(second, 'legacy', random() >= BASE, `user-${Math.floor(random() * 1e6)}`)
      for (let n = 0; n < 10; n++) read(second, 'target', random() >= BASE, `user-${Math.floor(random() * 1e4)}`)
      if (second > 300) outcomes.read(second * 1_000, { ...READ, side: 'target', ok: false, unit: 'hapless' })
      isKilled = guard.tick(second * 1_000, outcomes.take()).verdict === 'kill'
    }
    if (isKilled) kills++
  }
  return [{ metric: 'kills', value: kills, unit: 'kills' }]
}

export const cases: Cases = {
  'guard.ours.false-kills': falseKills,
  ...delays('ours', ours),
  'guard.ours.delay.100.after-10-min': async () => delay(ours, 1, 600, 25),
  'guard.ours.delay.100.after-24-h': async () => delay(ours, 1, 86_400, 25),
  'guard.ours.delay.5.after-10-min': async () => delay(ours, 0.05, 600, 25),
  'guard.ours.delay.5.after-24-h': async () => delay(ours, 0.05, 86_400, 25),
  'guard.ours.shared-outage': async () => sharedOutage(),
  'guard.ours.retry-storm': async () => retryStorm(300_000),
  'guard.every-outcome.retry-storm': async () => retryStorm(0),
  'guard.ours.six-hours': async () => sixHours(ours),
  'guard.z-test.six-hours': async () => sixHours(zTest),
  ...delays('z-test', zTest),
  'guard.fixed.six-hours': async () => sixHours(fixedThreshold),
  ...delays('fixed', fixedThreshold),
  'guard.breaker.six-hours': async () => sixHours(halfBreaker),
  ...delays('breaker', halfBreaker),
}

/** What each judge needs for a target of which so many per cent of the reads fail. */
function delays(name: string, judge: () => Judge): Cases {
  return Object.fromEntries(
    [1, 0.2, 0.05, 0.01].map((rate, at) => {
      const label = ['100', '20', '5', '1'][at]
      return [`guard.${name}.delay.${label}`, async () => delay(judge, rate)]
    }),
  )
}

function option({ args }: BenchContext, name: string, fallback: number): number {
  const given = args.find((arg) => arg.startsWith(`--${name}=`))
  return given === undefined ? fallback : Number(given.slice(name.length + 3))
}
