import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Answer, Job } from './round-worker.ts'
import { ROUND_FUNCTIONS, type RoundFunctions } from './schemes/round-functions.ts'

/** So few rounds take a millisecond or two: they are run where they are asked for. */
const AT_HOME = 1_000

const MOST_WORKERS = Math.min(4, Math.max(1, availableParallelism() - 1))

type Rest<Name extends keyof RoundFunctions> =
  Parameters<RoundFunctions[Name]> extends [Buffer, ...infer Others] ? Others : never

interface Lane {
  readonly worker: Worker
  readonly waiting: Map<number, (made: string | undefined) => void>
}

const lanes = new Set<Lane>()
let lastId = 0
let usable = true

/**
 * Runs one of the digests whose rounds are JavaScript: in a worker thread when there are many rounds, so that nobody
 * else waits for them. Where no worker can be had, as in a bundle of one file, they run here, a millisecond at a time.
 */
export async function runRounds<Name extends keyof RoundFunctions>(
  rounds: number,
  name: Name,
  password: Buffer,
  ...rest: Rest<Name>
): Promise<string> {
  const made = rounds > AT_HOME && usable ? await ask(name, password, rest) : undefined
  const run = ROUND_FUNCTIONS[name] as (password: Buffer, ...others: readonly unknown[]) => Promise<string>
  return made ?? run(password, ...rest)
}

function ask(name: keyof RoundFunctions, password: Buffer, rest: readonly unknown[]): Promise<string | undefined> {
  const lane = chooseLane()
  if (lane === undefined) return Promise.resolve(undefined)
  const id = ++lastId
  return new Promise((resolve) => {
    lane.waiting.set(id, resolve)
    lane.worker.ref()
    // A copy, handed over: a small Buffer shares its memory with others, and all of it would go along.
    const copy = Uint8Array.from(password)
    lane.worker.postMessage({ id, name, password: copy, rest } satisfies Job, [copy.buffer])
  })
}

function chooseLane(): Lane | undefined {
  const [least] = [...lanes].sort((a, b) => a.waiting.size - b.waiting.size)
  return least !== undefined && (least.waiting.size === 0 || lanes.size >= MOST_WORKERS) ? least : openLane()
}

function openLane(): Lane | undefined {
  const file = import.meta.url.endsWith('.ts') ? './round-worker.ts' : './round-worker.js'
  const worker = startWorker(new URL(file, import.meta.url))
  if (worker === undefined) return undefined
  const lane: Lane = { worker, waiting: new Map() }
  let answered = false
  const close = (): void => {
    lanes.delete(lane)
    // One that never answered would not the next time.
    if (!answered) usable = false
    for (const resolve of lane.waiting.values()) resolve(undefined)
    lane.waiting.clear()
  }
  worker.on('message', ({ id, made }: Answer) => {
    answered = true
    lane.waiting.get(id)?.(made)
    lane.waiting.delete(id)
    // An idle worker does not keep the process alive.
    if (lane.waiting.size === 0) worker.unref()
  })
  worker.on('error', close)
  worker.on('exit', close)
  lanes.add(lane)
  return lane
}

function startWorker(file: URL): Worker | undefined {
  try {
    return new Worker(file, { execArgv: [], env: {} })
  } catch {
    // A process may be forbidden to start threads.
    usable = false
    return undefined
  }
}
