// npm run bench -- switch [--legacy=mariadb] [--switches=50] [--processes=4] [--rate=200]
// The switch there and back while several processes write: how long a write waits, and whether one is lost.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Outcome, openFleet, type Switched, switchThereAndBack } from '../e2e/cutover-fleet/fleet.ts'
import type { Engine } from '../support/engines.ts'
import { mariadb } from '../support/mariadb.ts'
import { pglite } from '../support/pglite.ts'
import { postgres } from '../support/postgres.ts'
import { sqlite } from '../support/sqlite.ts'
import type { BenchContext, Case, Cases, Measurement } from './bench.ts'

/** The processes take the packages from where this one has them. Nothing else is handed on to them. */
const EXEC_ARGV = import.meta.resolve('@twinspan/core').includes('/src/') ? ['--conditions=twinspan-src'] : []

function thereAndBack(legacy: Engine, target: Engine): Case {
  return async (context) => {
    const only = context.args.find((arg) => arg.startsWith('--legacy='))?.slice(9)
    if (only !== undefined && only !== legacy.name) return []
    const missing = (await legacy.missing()) ?? (await target.missing())
    if (missing !== undefined) {
      context.note(`${legacy.name} to ${target.name}: ${missing}`)
      return []
    }
    const option = optionsOf(context)
    const fleet = await openFleet({
      legacy,
      target,
      processes: option('processes', 4),
      rate: option('rate', 200),
      refreshMs: option('refresh', 1_000),
      execArgv: EXEC_ARGV,
    })
    try {
      fleet.begin()
      await sleep(2_000)
      let done = 0
      const switches = option('switches', 50)
      const switched = await switchThereAndBack(fleet, switches, async () => {
        if (done++ % 20 === 0) context.note(`${legacy.name} to ${target.name}: ${done - 1} of ${2 * switches} switches`)
        await sleep(300)
      })
      const outcome = await fleet.end()
      tellSteps(context, switched)
      tellLongest(context, outcome, switched)
      tellTrouble(context, outcome)
      return measurements(outcome, switched)
    } finally {
      await fleet.close()
    }
  }
}

export const cases: Cases = {
  'sqlite to pglite': thereAndBack(sqlite, pglite),
  'postgres to postgres': thereAndBack(postgres, postgres),
  'mariadb to postgres': thereAndBack(mariadb, postgres),
}

function optionsOf({ args }: BenchContext): (name: string, fallback: number) => number {
  return (name, fallback) =>
    Number(args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback)
}

function measurements(
  { made, errors, lost, twice, onDemoted, wrong }: Outcome,
  switched: readonly Switched[],
): readonly Measurement[] {
  const pauses = switched.map((one) => longestDuring(made, one)?.[2] ?? 0)
  const seconds = ((made.at(-1)?.[1] ?? 0) - (made[0]?.[1] ?? 0)) / 1_000
  const waited = switched.map(({ result }) => result.writersWaitedMs)
  return [
    { metric: 'switches', value: switched.length, unit: 'count' },
    { metric: 'refused or given up first', value: switched.flatMap(({ refusals }) => refusals).length, unit: 'count' },
    { metric: 'writes', value: made.length, unit: 'count' },
    { metric: 'writes per second', value: made.length / Math.max(1, Math.abs(seconds)), unit: 'ops/s' },
    { metric: 'longest write p50', value: quantile(pauses, 0.5), unit: 'ms' },
    { metric: 'longest write p99', value: quantile(pauses, 0.99), unit: 'ms' },
    { metric: 'longest write max', value: Math.max(...pauses), unit: 'ms' },
    { metric: 'fence closed p50', value: quantile(waited, 0.5), unit: 'ms' },
    { metric: 'fence closed p99', value: quantile(waited, 0.99), unit: 'ms' },
    {
      metric: 'write p50',
      value: quantile(
        made.map(([, , ms]) => ms),
        0.5,
      ),
      unit: 'ms',
    },
    {
      metric: 'write p99',
      value: quantile(
        made.map(([, , ms]) => ms),
        0.99,
      ),
      unit: 'ms',
    },
    { metric: 'lost writes', value: lost.length + twice.length, unit: 'count' },
    { metric: 'writes on the demoted side', value: onDemoted.length, unit: 'count' },
    { metric: 'accounts that differ', value: wrong.legacy.length + wrong.target.length, unit: 'count' },
    { metric: 'user errors', value: errors.length, unit: 'count' },
  ]
}

/** Where the time went, on stderr. */
function tellSteps({ note }: BenchContext, switched: readonly Switched[]): void {
  for (const to of ['target-primary', 'canary']) {
    const mine = switched.filter(({ result }) => result.to === to)
    const names = mine[0]?.result.steps.map(({ step }) => step) ?? []
    for (const [at, step] of names.entries()) {
      const took = mine.map(({ result }) => result.steps[at]?.durationMs ?? 0)
      note(
        `  to ${to}: ${step.padEnd(10)} p50 ${quantile(took, 0.5)} p99 ${quantile(took, 0.99)} max ${Math.max(...took)} ms`,
      )
    }
  }
  for (const { result, refusals } of switched) for (const why of refusals) note(`  to ${result.to}, at first: ${why}`)
}

/** Of the switches with the longest waits: when the write was sent, and what the switch was doing. */
function tellLongest({ note }: BenchContext, { made }: Outcome, switched: readonly Switched[]): void {
  const longest = switched
    .map((one) => ({ one, write: longestDuring(made, one) }))
    .toSorted((a, b) => (b.write?.[2] ?? 0) - (a.write?.[2] ?? 0))
  for (const { one, write } of longest.slice(0, 3)) {
    if (write === undefined) continue
    const [op, sentAt, tookMs] = write
    const steps = one.result.steps.map(({ step, durationMs }) => `${step} ${durationMs}`).join(', ')
    note(
      `  ${op} took ${tookMs.toFixed(0)} ms, sent ${sentAt - one.from} ms into ${one.until - one.from} ms to ${one.result.to}: ${steps}; drained ${one.result.drained}`,
    )
  }
}

/** The longest write that was under way at any time between the order and the answer of a switch, its gates included. */
function longestDuring(made: Outcome['made'], { from, until }: Switched): Outcome['made'][number] | undefined {
  let longest: Outcome['made'][number] | undefined
  for (const write of made) {
    const [, sentAt, tookMs] = write
    if (sentAt <= until && sentAt + tookMs >= from && tookMs > (longest?.[2] ?? 0)) longest = write
  }
  return longest
}

function tellTrouble({ note }: BenchContext, { errors, lost, twice, onDemoted, wrong }: Outcome): void {
  const trouble = { lost, twice, onDemoted, wrongOnLegacy: wrong.legacy, wrongOnTarget: wrong.target, errors }
  for (const [what, found] of Object.entries(trouble))
    if (found.length > 0) note(`  ${what}: ${found.length}, such as ${found.slice(0, 3).join(', ')}`)
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
