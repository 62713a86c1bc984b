import { setTimeout as sleep } from 'node:timers/promises'
import type { Migration } from '@twinspan/core'
import type { Cutover } from '@twinspan/cutover'
import type { Router } from '@twinspan/router'
import type { DemoOptions } from '../options.ts'
import type { Process } from '../process/start.ts'
import type { Counters } from '../service/counters.ts'
import type { TrafficCounts } from '../traffic/stats.ts'
import type { Twin } from '../twin/migration.ts'
import type { Paths } from './paths.ts'
import type { Screen } from './screen.ts'

export interface Step {
  readonly name: string
  /** The migration's phase at its end. */
  readonly phase: string
  /** Milliseconds since 1970. */
  readonly from: number
  readonly to: number
}

/** Everything that the chapters of the story play with. */
export interface Stage {
  readonly options: DemoOptions
  readonly paths: Paths
  readonly screen: Screen
  readonly twin: Twin
  readonly migration: Migration
  readonly router: Router
  readonly cutover: Cutover
  readonly services: readonly Process<{ url: string }>[]
  readonly traffic: Process
  readonly target: TargetServer
  readonly steps: Step[]
  readonly kills: string[]
  /** The newest counts that the users reported. */
  readonly counts: TrafficCounts
  /** Milliseconds since 1970 from which on legacy took no write any more. */
  frozenAt: number
}

/** The target's process, which comes and goes. */
export interface TargetServer {
  readonly url: string
  readonly process: Process<{ port: number }>
  restart(): Promise<void>
}

export const ACTOR = 'operator'

/** Runs a chapter and remembers how long it took. */
export async function step<T>(stage: Stage, name: string, work: () => Promise<T>): Promise<T> {
  const from = Date.now()
  try {
    return await work()
  } finally {
    stage.steps.push({ name, phase: stage.migration.snapshot.phase, from, to: Date.now() })
  }
}

/** Lets the users go on for a while. */
export function watch(stage: Stage, ms: number): Promise<void> {
  return sleep(stage.options.quick ? ms / 2 : ms)
}

/** Waits until a condition holds. @throws Error that names what was waited for */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs / 1000} s`)
    await sleep(50)
  }
}

/** The counters of all instances of the service, added up. */
export async function counters(stage: Stage): Promise<Counters> {
  const all = await Promise.all(stage.services.map((service) => service.call<Counters>('counters')))
  return {
    shadow: addUp(all.map((one) => one.shadow)),
    reads: addUp(all.map((one) => one.reads)),
    mirrored: all.reduce((sum, one) => sum + one.mirrored, 0),
    failedBatches: all.reduce((sum, one) => sum + one.failedBatches, 0),
  }
}

function addUp(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const one of all) for (const [name, value] of Object.entries(one)) sum[name] = (sum[name] ?? 0) + value
  return sum
}
