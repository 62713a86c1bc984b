import { setTimeout as wait } from 'node:timers/promises'
import type { Pass } from './failpoints.ts'
import { type Effect, now, type Orders, tell } from './messages.ts'
import { generator, type Random } from './random.ts'
import type { Things } from './things.ts'
import { COLD_KEYS, HOT_KEYS, OWN_KEYS } from './world.ts'

/** Rows of each user's own, which it moves and swaps, and looks up to see that they are what it left. */
const OWN = 8

/** How long one of the other keys is fought for. */
const MOMENT_MS = 400

/** How often a user may lose sight of its rows and go on with others. */
const BLOCKS = 64

/** One call: what it may leave behind, and what it did when it was answered. */
interface Act {
  readonly possible: readonly Effect[]
  run(things: Things): Promise<Outcome>
}

interface Outcome {
  readonly effects: readonly Effect[]
  readonly before?: Effect
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
  [20, ({ shared, value }) => plain([[shared(), value]], (things, [key]) => things.put(key, value))],
  [16, (draw) => exchangeOf(draw)],
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
      return { effects }
    },
  }
}

function exchangeOf({ shared, value }: Draw): Act {
  const key = shared()
  const effects: readonly Effect[] = [[key, value]]
  return {
    possible: effects,
    async run(things) {
      const found = await things.exchange(key, value)
      // Nothing may be a row that somebody deletes and inserts anew at this moment: there is no row to wait for.
      return found === null ? { effects } : { effects, before: [key, found] }
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
      return { effects: possible }
    },
  }
}

function moveOf({ own, value }: Draw): Act {
  const [from, to] = twoOf(own)
  const possible: readonly Effect[] = [
    [from, null],
    [to, value],
  ]
  return { possible, run: async (things) => ({ effects: (await things.move(from, to, value)) ? possible : [] }) }
}

function swapOf({ own, value }: Draw): Act {
  const keys = twoOf(own)
  const possible: readonly Effect[] = keys.map((key) => [key, value])
  return { possible, run: async (things) => ({ effects: (await things.swap(keys, value)) ? possible : [] }) }
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
  const began = performance.now()
  const pauseMs = (): number => {
    const { warmUp } = orders
    return warmUp !== undefined && performance.now() - began < warmUp.ms ? warmUp.pauseMs : orders.pauseMs
  }

  async function user(number: number): Promise<void> {
    const random = generator(orders.seed, `user ${number}`)
    const keys = createKeys(random, orders, number)
    while (running) {
      const value = `${orders.index}.${number}.${calls}`
      if (random(8) > 0) await write(actOf({ random, value, shared: keys.shared, own: keys.own }), keys)
      else if (random(2) === 0) await read(keys.shared())
      else await lookUp(keys)
      await wait(random(pauseMs()))
    }
  }

  async function write(act: Act, keys: Keys): Promise<void> {
    const id = calls++
    await tell({ type: 'begin', id, at: now(), possible: act.possible })
    try {
      const outcome = await act.run(things)
      await pass('write.after-commit')
      keys.left(outcome.effects)
      await tell({ type: 'end', id, at: now(), ...outcome })
    } catch (error) {
      keys.lostSight()
      await tell({ type: 'error', id, at: now(), error: describe(error) })
    }
  }

  async function read(key: number): Promise<{ readonly value: string | null } | undefined> {
    const begun = now()
    try {
      const value = await things.find(key)
      await tell({ type: 'read', begun, at: now() })
      return { value }
    } catch (error) {
      await tell({ type: 'read', begun, at: now(), error: describe(error) })
      return undefined
    }
  }

  /** Nobody else writes these rows, so that they are as they were left. */
  async function lookUp(keys: Keys): Promise<void> {
    const key = keys.own()
    const expected = keys.known(key)
    if (expected === undefined) return
    const found = await read(key)
    if (found !== undefined && found.value !== expected) {
      await tell({ type: 'missed', what: `key ${key}: ${found.value} was found, ${expected} had been left there` })
    }
  }

  const users = Array.from({ length: orders.users }, (_, number) => user(number))
  return {
    async stop() {
      running = false
      await Promise.all(users)
    },
  }
}

/** Which keys a user writes, and what it knows of its own. */
interface Keys {
  shared(): number
  own(): number
  /** What the user left at a key of its own; `undefined` where it does not know. */
  known(key: number): string | null | undefined
  left(effects: readonly Effect[]): void
  /** A call failed, and may take effect all the same, and later: from here on the user has other keys. */
  lostSight(): void
}

function createKeys(random: Random, { index, users, onlyKeysBelow }: Orders, user: number): Keys {
  const known = new Map<number, string | null>()
  let block = 0
  return {
    shared() {
      if (onlyKeysBelow !== undefined) return random(onlyKeysBelow)
      const crowd = random(5)
      if (crowd < 2) return random(HOT_KEYS)
      // For a moment everybody's, and hardly ever written again: a copy that comes too late is not made good by the next one.
      const moment = Math.imul(Math.floor(Date.now() / MOMENT_MS), 0x9e3779b1) >>> 0
      return HOT_KEYS + (crowd < 4 ? moment % COLD_KEYS : random(COLD_KEYS))
    },
    own() {
      if (onlyKeysBelow !== undefined) return random(onlyKeysBelow)
      return OWN_KEYS + ((index * users + user) * BLOCKS + (block % BLOCKS)) * OWN + random(OWN)
    },
    known: (key) => known.get(key),
    left(effects) {
      for (const [key, value] of effects) if (key >= OWN_KEYS) known.set(key, value)
    },
    lostSight() {
      block++
      known.clear()
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

function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const { code } = error as { code?: unknown }
  return `${error.name}${typeof code === 'string' ? ` ${code}` : ''}: ${error.message.replace(/:\d+$/, '').slice(0, 120)}`
}
