import type { Events } from '@twinspan/core'

/** What one instance of the service saw of the migration, for the story's lines. */
export interface Counters {
  readonly shadow: Readonly<Record<string, number>>
  /** Reads in a canary, by who answered and why: `target router`, `legacy dirty`, `legacy fallback`. */
  readonly reads: Readonly<Record<string, number>>
  readonly mirrored: number
  readonly failedBatches: number
}

export function countEvents(events: Events): () => Counters {
  const shadow: Record<string, number> = {}
  const reads: Record<string, number> = {}
  let mirrored = 0
  let failedBatches = 0
  const add = (counts: Record<string, number>, name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1
  }
  events.on('shadow-read', ({ outcome }) => add(shadow, outcome))
  events.on('read', ({ side, why }) => add(reads, `${side} ${why}`))
  events.on('mirrored', ({ keys }) => {
    mirrored += keys.length
  })
  events.on('mirror-batch', ({ outcome }) => {
    if (outcome === 'failed') failedBatches++
  })
  return () => ({ shadow: { ...shadow }, reads: { ...reads }, mirrored, failedBatches })
}
