// npm run bench -- router [--rounds=60]
// What it costs to ask whether a user is among ten per cent: time and garbage, ours beside four others, in turns.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { BenchContext, Cases, Measurement } from './bench.ts'
import { type Contestant, growthbook, launchdarkly, openfeature, ours, unleash } from './router/contestants.ts'

const KEYS = Array.from({ length: 1_000 }, (_, n) => `user-${(n * 7_919) % 100_003}`)
const WARM_UP = 20
const FIELD = { ours, unleash, growthbook, launchdarkly, openfeature }
type Name = keyof typeof FIELD

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let measured: Promise<Readonly<Record<Name, readonly Measurement[]>>> | undefined

async function race({ args, note }: BenchContext): Promise<Readonly<Record<Name, readonly Measurement[]>>> {
  const rounds = Number(args.find((arg) => arg.startsWith('--rounds='))?.slice(9) ?? 60)
  const names = Object.keys(FIELD) as Name[]
  const field = new Map<Name, Contestant>()
  for (const name of names) field.set(name, await FIELD[name]())
  const took = new Map<Name, number[]>(names.map((name) => [name, []]))
  try {
    // In turns, so that whatever else the machine does falls on all of them.
    for (let round = 0; round < WARM_UP + rounds; round++) {
      for (const [name, contestant] of field) {
        const perCall = await timed(contestant)
        if (round >= WARM_UP) took.get(name)?.push(perCall)
      }
    }
    const results: [Name, readonly Measurement[]][] = []
    for (const [name, contestant] of field) {
      note(`${name}: ${await contestant.ask(KEYS)} of ${KEYS.length} keys are in`)
      const sorted = (took.get(name) ?? []).toSorted((a, b) => a - b)
      results.push([
        name,
        [
          { metric: 'latency', value: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN, unit: 'ns' },
          { metric: 'latency.p99', value: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN, unit: 'ns' },
          { metric: 'bytes', value: await allocated(contestant), unit: 'bytes' },
        ],
      ])
    }
    return Object.fromEntries(results) as Record<Name, readonly Measurement[]>
  } finally {
    for (const contestant of field.values()) await contestant.close()
  }
}

/** Nanoseconds per call, over a thousand calls. */
async function timed(contestant: Contestant): Promise<number> {
  const began = process.hrtime.bigint()
  await contestant.ask(KEYS)
  return Number(process.hrtime.bigint() - began) / KEYS.length
}

/**
 * How much the heap grows per call while nothing is collected. What a single reading costs is the same for all of them and is taken
 * off; the least of several rounds is what the calls themselves must have taken.
 */
async function allocated(contestant: Contestant): Promise<number> {
  const nothing: Contestant = { ask: () => 0, close: async () => {} }
  const perBatch = (await growth(contestant)) - (await growth(nothing))
  return Math.max(0, Math.round((perBatch / (BATCHES * KEYS.length)) * 100) / 100)
}

/** Few enough that the young generation is never full: the dearest of the field takes some kilobytes a call. */
const BATCHES = 2

async function growth(contestant: Contestant): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 15; round++) {
    collect()
    const before = process.memoryUsage().heapUsed
    for (let batch = 0; batch < BATCHES; batch++) {
      const asked = contestant.ask(KEYS)
      if (typeof asked !== 'number') await asked
    }
    const grown = process.memoryUsage().heapUsed - before
    // A collection in between says nothing about the growth.
    if (grown >= 0) least = Math.min(least, grown)
  }
  return least
}

export const cases: Cases = Object.fromEntries(
  (Object.keys(FIELD) as Name[]).map((name) => [
    `decide.${name}`,
    async (context: BenchContext) => {
      measured ??= race(context)
      return (await measured)[name]
    },
  ]),
)
