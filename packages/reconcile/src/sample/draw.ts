import { type Key, keyText, type SideName, scanKeys } from '@twinspan/core'
import { assertCurrent, type Comparison } from '../comparison.ts'

export interface Drawn {
  readonly keys: readonly Key[]
  /** How many distinct keys both sides have together, where that is known. */
  readonly population: number | undefined
}

const PAGE = 10_000

/**
 * Draws `size` keys uniformly from those that either side has, by one pass over the keys of each.
 *
 * Every key gets a number from a seeded hash, and the smallest numbers are the sample. A key that both sides have gets the
 * same number twice and is drawn once, so it makes no difference in which order either side hands out its keys.
 */
export async function drawByScan(comparison: Comparison, size: number, random: () => number): Promise<Drawn> {
  const rank = seededRank(random)
  const drawn = new Map<string, { readonly rank: number; readonly key: Key }>()
  let highest = Number.POSITIVE_INFINITY
  const shrink = (to: number): void => {
    if (drawn.size <= to) return
    const kept = Array.from(drawn)
      .sort((a, b) => a[1].rank - b[1].rank)
      .slice(0, to)
    drawn.clear()
    for (const [text, entry] of kept) drawn.set(text, entry)
    highest = kept.at(-1)?.[1].rank ?? highest
  }

  const counts = { legacy: 0, target: 0 }
  const sides: readonly SideName[] = ['legacy', 'target']
  for (const side of sides) {
    for await (const keys of allKeys(comparison, side)) {
      counts[side] += keys.length
      for (const key of keys) {
        const text = keyText(key)
        const number = rank(text)
        if (number <= highest) drawn.set(text, { rank: number, key })
      }
      shrink(2 * size)
    }
  }
  shrink(size)
  const most = Math.max(counts.legacy, counts.target)
  return { keys: Array.from(drawn.values(), ({ key }) => key), population: Math.max(most, drawn.size) }
}

/**
 * Draws keys of a large table whose keys are integers that lie closely together: numbers are drawn from the whole span, and
 * those that neither side has are thrown away. `undefined` when too many of them would be.
 */
export async function drawByProbe(
  comparison: Comparison,
  size: number,
  random: () => number,
): Promise<Drawn | undefined> {
  const span = await integerSpan(comparison)
  if (span === undefined) return undefined
  const { entity } = comparison
  const found = new Map<string, Key>()
  const tried = new Set<bigint>()
  while (found.size < size) {
    assertCurrent(comparison)
    const probes = new Set<bigint>()
    for (let i = 0; i < 1_000; i++) {
      const probe = span.first + BigInt(Math.floor(random() * Number(span.last - span.first + 1n)))
      if (!tried.has(probe)) probes.add(probe)
    }
    for (const probe of probes) tried.add(probe)
    const keys = Array.from(probes, span.keyOf)
    const present = new Set<string>()
    for (const side of ['legacy', 'target'] as const) {
      for (const row of await entity[side].load(keys)) present.add(entity.keyTextOf(side, row))
    }
    // In the order in which they were drawn: the last round finds more than are needed.
    for (const key of keys) if (present.has(keyText(key))) found.set(keyText(key), key)
    if (tried.size > 50 * size || probes.size === 0) return undefined
  }
  return { keys: Array.from(found.values()).slice(0, size), population: undefined }
}

interface Span {
  readonly first: bigint
  readonly last: bigint
  /** A number in the type in which the key's column hands them out. */
  keyOf(value: bigint): Key
}

async function integerSpan({ entity }: Comparison): Promise<Span | undefined> {
  let first: bigint | undefined
  let last: bigint | undefined
  let type = 'string'
  for (const side of ['legacy', 'target'] as const) {
    const { identity } = entity[side]
    if (identity === undefined) return undefined
    const [key] = await scanKeys(entity, side, { limit: 1 })
    if (key === undefined) continue
    if (!/^-?\d+$/.test(keyText(key))) return undefined
    const smallest = BigInt(keyText(key))
    const { largest } = await identity.read()
    if (first === undefined || smallest < first) first = smallest
    if (last === undefined || largest > last) last = largest
    type = typeof key
  }
  if (first === undefined || last === undefined || last - first >= BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  return {
    first,
    last,
    keyOf: (value) => (type === 'number' ? Number(value) : type === 'bigint' ? value : String(value)),
  }
}

async function* allKeys(comparison: Comparison, side: SideName): AsyncGenerator<readonly Key[]> {
  for (let after: Key | undefined; ; ) {
    assertCurrent(comparison)
    const range = after === undefined ? { limit: PAGE } : { after, limit: PAGE }
    const keys = await scanKeys(comparison.entity, side, range)
    yield keys
    if (keys.length < PAGE) return
    after = keys.at(-1)
  }
}

/** A 53-bit hash with a random seed: two lanes of multiply and rotate over the UTF-16 code units, mixed at the end. */
function seededRank(random: () => number): (text: string) => number {
  const seeds = [random(), random()].map((number) => Math.floor(number * 2 ** 32)) as [number, number]
  return (text) => {
    let [a, b] = [seeds[0] ^ 0x9e3779b9, seeds[1] ^ 0x85ebca6b]
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at)
      a = Math.imul(a ^ unit, 0x9e3779b1)
      b = Math.imul(b ^ unit, 0x5f356495)
    }
    a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35)
    b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35)
    return (b >>> 11) * 2 ** 32 + (a >>> 0)
  }
}
