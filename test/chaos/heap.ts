import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { mariadb } from '../support/mariadb.ts'
import { postgres } from '../support/postgres.ts'
import { openProxy } from '../support/proxy.ts'
import type { Message, Orders } from './messages.ts'
import { openRoad } from './road.ts'
import { createTables } from './world.ts'

export interface HeapOptions {
  readonly legacy: 'postgres' | 'mariadb'
  /** How long the target is down and the heap is measured, after the warm-up. */
  readonly seconds: number
  /** How long the service runs before, under more load and with the target down as well. @default 180 */
  readonly warmUpSeconds?: number
  readonly seed: number
  readonly say?: (line: string) => void
  readonly signal?: AbortSignal
}

export interface HeapReport {
  readonly legacy: 'postgres' | 'mariadb'
  readonly seconds: number
  readonly samples: number
  readonly writes: number
  readonly errors: number
  /** Of the first and the last sample, after a garbage collection. */
  readonly firstMb: number
  readonly lastMb: number
  /** The mean of each minute. */
  readonly minutesMb: readonly number[]
  /** Of the line through all samples, by least squares. */
  readonly slopeMbPerHour: number
}

const SAMPLE_MS = 2_000

/** How long the target refuses, and then hangs, in turns: while the service warms up, and while it is measured. */
const TURN_MS = { warmUp: 3_000, measured: 20_000 } as const

/** What the engine makes of the code lies in the same heap, and grows for as long as some of it is run for the first times. */
const COMPILED_AT_ONCE = [
  '--no-lazy-feedback-allocation',
  '--always-sparkplug',
  '--no-flush-bytecode',
  '--no-maglev',
  '--no-opt',
] as const

const MB = 1024 * 1024

/** One service under a light and steady load while the target is down: what is left of its heap after each collection. */
export async function measureHeap(options: HeapOptions): Promise<HeapReport> {
  const { legacy: engine, seconds, seed, warmUpSeconds = 180, say = () => {}, signal } = options
  const servers = {
    legacy: await (engine === 'mariadb' ? mariadb : postgres).open<Record<string, never>>(),
    target: await postgres.open<Record<string, never>>(),
  }
  const addresses = { legacy: servers.legacy.url ?? '', target: servers.target.url ?? '' }
  const url = new URL(addresses.target)
  const proxy = await openProxy({ host: url.hostname, port: Number(url.port) || 5432 })
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  const down = new AbortController()
  try {
    await createTables(addresses, new Map())
    await openRoad(addresses, 'trigger')
    const orders: Orders = {
      subject: 'twinspan',
      capture: 'trigger',
      legacy: addresses.legacy,
      target: url.href,
      index: 0,
      seed,
      users: 1,
      pauseMs: 40,
      warmUp: { ms: warmUpSeconds * 1_000, pauseMs: 8 },
      onlyKeysBelow: 500,
      heapEveryMs: SAMPLE_MS,
    }
    const child = fork(new URL('./service.ts', import.meta.url), [JSON.stringify(orders)], {
      execArgv: ['--conditions=twinspan-src', '--expose-gc', ...COMPILED_AT_ONCE],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const samples: Sample[] = []
    let from = Number.POSITIVE_INFINITY
    let writes = 0
    let errors = 0
    const ready = new Promise<void>((resolve) => {
      child.on('message', (message: Message) => {
        if (message.type === 'ready') resolve()
        if (message.type === 'end') writes++
        if (message.type === 'error') errors++
        if (message.type === 'heap' && performance.now() >= from) {
          samples.push({ hours: Number(BigInt(message.at) / 1_000_000n) / 3_600_000, mb: message.used / MB })
        }
      })
    })
    try {
      await ready
      void takeAway(proxy, () => (performance.now() < from ? TURN_MS.warmUp : TURN_MS.measured), down.signal)
      say(`the target is down; warming up for ${warmUpSeconds} s`)
      await pause(warmUpSeconds * 1_000, signal)
      from = performance.now()
      say(`measuring for ${seconds} s`)
      await pause(seconds * 1_000, signal)
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    return {
      legacy: engine,
      seconds: Math.round((performance.now() - from) / 1_000),
      samples: samples.length,
      writes,
      errors,
      firstMb: samples[0]?.mb ?? Number.NaN,
      lastMb: samples.at(-1)?.mb ?? Number.NaN,
      minutesMb: minutesOf(samples),
      slopeMbPerHour: slopeOf(samples),
    }
  } finally {
    down.abort()
    await proxy.close()
    await servers.legacy.close()
    await servers.target.close()
  }
}

/** Refused and hung in turns, until the signal. */
async function takeAway(
  proxy: Awaited<ReturnType<typeof openProxy>>,
  turnMs: () => number,
  signal: AbortSignal,
): Promise<void> {
  for (let hangs = false; !signal.aborted; hangs = !hangs) {
    if (hangs) {
      proxy.heal()
      proxy.hang()
    } else proxy.refuse()
    await pause(turnMs(), signal)
  }
}

export interface Sample {
  readonly hours: number
  readonly mb: number
}

/** Megabytes per hour, by least squares. */
export function slopeOf(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const [hours, mb] = [mean((sample) => sample.hours), mean((sample) => sample.mb)]
  const covariance = mean((sample) => (sample.hours - hours) * (sample.mb - mb))
  return covariance / mean((sample) => (sample.hours - hours) ** 2)
}

function minutesOf(samples: readonly Sample[]): readonly number[] {
  const [first] = samples
  if (first === undefined) return []
  const minuteOf = ({ hours }: Sample): number => Math.floor((hours - first.hours) * 60)
  return Array.from({ length: Math.max(...samples.map(minuteOf)) + 1 }, (_, minute) => {
    const some = samples.filter((sample) => minuteOf(sample) === minute)
    return Number((some.reduce((sum, { mb }) => sum + mb, 0) / some.length).toFixed(3))
  })
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await wait(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {})
}
