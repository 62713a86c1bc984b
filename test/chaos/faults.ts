import { setTimeout as wait } from 'node:timers/promises'
import type { SideName } from '@twinspan/core'
import type { Blame } from './blame.ts'
import { count, type Fleet, type Slot } from './fleet.ts'
import { between, generator, pick, type Random } from './random.ts'

export interface Battlefield {
  readonly fleet: Fleet
  readonly blame: Blame
  /** Ends every session on the side but our own. */
  endSessions(side: SideName): Promise<void>
}

/** One thing that is done to the service, from its beginning to its end. Says whether it was. */
type Fault = (field: Battlefield, random: Random, signal: AbortSignal) => Promise<boolean>

type Weighted = readonly [weight: number, name: string, fault: Fault]

/** Faults of one lane follow each other, with a pause in between; the lanes run side by side. */
interface Lane {
  readonly name: string
  readonly pauseMs: readonly [from: number, to: number]
  readonly faults: readonly Weighted[]
}

const LANES: readonly Lane[] = [
  { name: 'kills', pauseMs: [1_000, 3_200], faults: [[1, 'kill -9', kill]] },
  { name: 'stops', pauseMs: [3_000, 7_000], faults: [[1, 'process stopped and continued', stop]] },
  {
    name: 'sessions',
    pauseMs: [3_000, 8_000],
    faults: [
      [2, 'target sessions ended', (field) => endSessions(field, 'target')],
      [1, 'legacy sessions ended', (field) => endSessions(field, 'legacy')],
    ],
  },
  { name: 'links to target', pauseMs: [700, 3_300], faults: links('target') },
  { name: 'links to legacy', pauseMs: [5_000, 12_000], faults: links('legacy') },
]

async function kill({ fleet }: Battlefield, random: Random): Promise<boolean> {
  const slot = pick(fleet.slots, random)
  // A process needs a while to begin, and a worker to come anywhere; most of its deaths are at failpoints.
  const isSpared = random(4) > 0
  return isSpared && (slot.role === 'worker' || slot.current?.isReady !== true) ? false : fleet.kill(slot)
}

async function stop({ fleet, blame }: Battlefield, random: Random, signal: AbortSignal): Promise<boolean> {
  const slot = pick(fleet.slots, random)
  const resume = fleet.stop(slot)
  if (resume === undefined) return false
  const moving = blame.begin('process', [slot.number])
  await pause(between(300, 3_000, random), signal)
  moving()
  return resume()
}

async function endSessions({ fleet, blame, endSessions: end }: Battlefield, side: SideName): Promise<boolean> {
  const over = blame.begin(
    side,
    fleet.slots.map(({ number }) => number),
  )
  try {
    await end(side)
    return true
  } catch {
    return false
  } finally {
    over()
  }
}

/** What can happen to the connections between the service and one side. */
function links(side: SideName): readonly Weighted[] {
  const on = (begin: (slot: Slot, random: Random) => void, longest: number): Fault => {
    return async ({ fleet, blame }, random, signal) => {
      // One process in most cases, so that processes disagree about what they can reach.
      const slots = random(10) < 6 ? [pick(fleet.slots, random)] : fleet.slots
      const over = blame.begin(
        side,
        slots.map(({ number }) => number),
      )
      for (const slot of slots) begin(slot, random)
      if (longest > 0) await pause(between(200, longest, random), signal)
      for (const { proxies } of slots) proxies[side].heal()
      over()
      return true
    }
  }
  const proxy = ({ proxies }: Slot) => proxies[side]
  return [
    [4, `${side} refused`, on((slot) => proxy(slot).refuse(), 2_500)],
    [4, `${side} hung`, on((slot) => proxy(slot).hang(), 3_000)],
    [4, `${side} reset`, on((slot) => proxy(slot).reset(), 0)],
    [3, `${side} slowed down`, on((slot, random) => proxy(slot).slow(between(5, 150, random)), 2_500)],
    // Longer than anybody waits: what was held back is gone when the other end is heard of again.
    [
      1,
      `${side} hung and reset`,
      async (field, random, signal) => {
        const over = field.blame.begin(
          side,
          field.fleet.slots.map(({ number }) => number),
        )
        for (const slot of field.fleet.slots) proxy(slot).hang()
        await pause(between(1_000, 5_000, random), signal)
        for (const slot of field.fleet.slots) {
          proxy(slot).cut()
          proxy(slot).heal()
        }
        over()
        return true
      },
    ],
  ]
}

/** Kills go on for ever; of the rest there is a lull, in which a switch can come to its end. */
const LULL = { everyMs: 20_000, forMs: 7_000 } as const

/** Faults as the seed tells, until the signal. `pace` 2 means twice as many. Every one is counted by its name. */
export async function storm(
  field: Battlefield,
  {
    seed,
    pace,
    signal,
    counts,
  }: {
    readonly seed: number
    readonly pace: number
    readonly signal: AbortSignal
    readonly counts: Record<string, number>
  },
): Promise<void> {
  let calm: Promise<void> | undefined
  const weather = async (): Promise<void> => {
    while (!signal.aborted) {
      await pause((LULL.everyMs - LULL.forMs) / pace, signal)
      field.fleet.command('worker', 'switch')
      calm = pause(LULL.forMs / pace, signal)
      await calm
      calm = undefined
    }
  }
  const lane = async ({ name, pauseMs: [from, to], faults }: Lane): Promise<void> => {
    const random = generator(seed, name)
    const bag = faults.flatMap((fault) => Array.from({ length: fault[0] }, () => fault))
    while (!signal.aborted) {
      await pause(between(from, to, random) / pace, signal)
      if (name !== 'kills') await calm
      if (signal.aborted) return
      const [, kind, fault] = pick(bag, random)
      if (await fault(field, random, signal)) count(counts, kind)
    }
  }
  await Promise.all([weather(), ...LANES.map(lane)])
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => {})
}
