/** A whole number from 0 to `below`, exclusive. */
export type Random = (below: number) => number

/** Numbers that are told by a seed and the name of what they are for, so that one part's draws do not shift another's. */
export function generator(seed: number, stream: string): Random {
  let state = seed | 0
  for (const character of stream)
    state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x5bd1e995) ^ (state >>> 15)
  state = Math.imul(state, 0x27d4eb2d) || 1
  return (below) => {
    // xorshift32
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

export function pick<T>(list: readonly T[], random: Random): T {
  return list[random(Math.max(1, list.length))] as T
}

/** From `from` milliseconds to `to`. */
export function between(from: number, to: number, random: Random): number {
  return from + random(Math.max(1, to - from))
}
