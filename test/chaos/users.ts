import { setTimeout as wait } from 'node:timers/promises'
import type { Pass } from './failpoints.ts'
import { type Effect, now, type Orders, tell } from './messages.ts'
import { generator, type Random } from './random.ts'
import type { Things } from './things.ts'
import { COLD_KEYS, HOT_KEYS, OWN_KEYS } from './world.ts'

/** Rows of each user's own, which it moves and swaps. */
const OWN = 8

/** One call: what it may leave behind, and what it did when it was answered. */
interface Act {
  readonly possible: readonly Effect[]
  run(things: Things): Promise<readonly Effect[]>
}

interface Draw {
  readonly random: Random
  readonly value: string
  /** A key that others write as well. */
  shared(): number
  own(): number
}

/** The mix, by weight. */
const ACTS: readonly (readonly [weight: number, (draw: Draw) => Act])[] = [
  [36, ({ shared, value }) => plain([[shared(), value]], (things, [key]) => things.put(key, value))],
  [12, ({ shared }) => plain([[shared(), null]], (things, [key]) => things.remove(key))],
  [8, ({ shared, value }) => plain([[shared(), value]], (things, [key]) => things.replace(key, value))],
  [10, (draw) => pairOf(draw)],
  [10, ({ own, value }) => plain([[own(), value]], (things, [key]) => things.place(key, value))],
  [9, (draw) => moveOf(draw)],
  [9, (draw) => swapOf(draw)],
]

function plain(effects: readonly [Effect], run: (things: Things, keys: readonly [number]) => Promise<void>): Act {
  return {
    possible: effects,
    async run(things) {
      await run(things, [effects[0][0]])
      return effects
    },
  }
}

function pairOf({ shared, value }: Draw): Act {
  const keys = twoOf(shared)
  const possible: readonly Effect[] = keys.map((key) => [key, value])
  return {
    possible,
    async run(things) {
      await things.pair(keys, value)
      return possible
    },
  }
}

function moveOf({ own, value }: Draw): Act {
  const [from, to] = twoOf(own)
  const possible: readonly Effect[] = [
    [from, null],
    [to, value],
  ]
  return { possible, run: async (things) => ((await things.move(from, to, value)) ? possible : []) }
}

function swapOf({ own, value }: Draw): Act {
  const keys = twoOf(own)
  const possible: readonly Effect[] = keys.map((key) => [key, value])
  return { possible, run: async (things) => ((await things.swap(keys, value)) ? possible : []) }
}

function twoOf(draw: () => number): readonly [number, number] {
  const first = draw()
  for (;;) {
    const second = draw()
    if (second !== first) return [first, second]
  }
}

/** Users who write and read as fast as they may, and tell of each write before it begins and after it ended. */
export function startUsers(things: Things, orders: Orders, pass: Pass): { stop(): Promise<void> } {
  let running = true
  let calls = 0

  async function user(number: number): Promise<void> {
    const random = generator(orders.seed, `user ${number}`)
    const own = OWN_KEYS + (orders.index * orders.users + number) * OWN
    const draw = {
      random,
      shared: () => sharedKey(random, orders.onlyKeysBelow),
      own: () => (orders.onlyKeysBelow === undefined ? own + random(OWN) : random(orders.onlyKeysBelow)),
    }
    while (running) {
      if (random(8) === 0) await read(draw.shared())
      else await write(actOf({ ...draw, value: `${orders.index}.${number}.${calls}` }))
      await wait(random(orders.pauseMs))
    }
  }

  async function write(act: Act): Promise<void> {
    const id = calls++
    await tell({ type: 'begin', id, at: now(), possible: act.possible })
    try {
      const effects = await act.run(things)
      await pass('write.after-commit')
      await tell({ type: 'end', id, at: now(), effects })
    } catch (error) {
      await tell({ type: 'error', id, at: now(), error: describe(error) })
    }
  }

  async function read(key: number): Promise<void> {
    const begun = now()
    const error = await things.find(key).then(() => undefined, describe)
    await tell({ type: 'read', begun, at: now(), ...(error === undefined ? {} : { error }) })
  }

  const users = Array.from({ length: orders.users }, (_, number) => user(number))
  return {
    async stop() {
      running = false
      await Promise.all(users)
    },
  }
}

function actOf(draw: Draw): Act {
  let left = draw.random(ACTS.reduce((sum, [weight]) => sum + weight, 0))
  for (const [weight, make] of ACTS) {
    if (left < weight) return make(draw)
    left -= weight
  }
  throw new Error('The weights do not add up.')
}

function sharedKey(random: Random, below: number | undefined): number {
  if (below !== undefined) return random(below)
  return random(2) === 0 ? random(HOT_KEYS) : HOT_KEYS + random(COLD_KEYS)
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const { code } = error as { code?: unknown }
  return `${error.name}${typeof code === 'string' ? ` ${code}` : ''}: ${error.message.replace(/:\d+$/, '').slice(0, 120)}`
}
