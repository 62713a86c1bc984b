import type { Json, Migration } from '@twinspan/core'
import type { BadUnit } from './bad-unit.ts'
import { addDeltas, type GuardDeltas, NO_DELTAS } from './deltas.ts'

/** Below it each process has a document with what it has counted so far. */
export const SHARED = 'guard:'

/**
 * What a process has counted since it began: sums that only grow, so that a reader who misses a write misses nothing. Counts and
 * hashes, never keys.
 */
export interface SharedCounts {
  readonly sums: Required<GuardDeltas>
  /** The last bad units, each with its number. */
  readonly bad: readonly (readonly [number: number, at: BadUnit['at'], hash: number])[]
}

/** How many of the last bad units are kept: those of a few seconds, for a reader that is late. */
const KEPT = 400

/** This process's part in the common evidence. */
export interface Share {
  add(deltas: GuardDeltas, bad: readonly BadUnit[]): void
  /** Writes what has changed. Rejects when the store does not take it; nothing is lost by that. */
  flush(): Promise<void>
}

export function createShare(migration: Migration): Share {
  const name = `${SHARED}${migration.instance}`
  let sums = NO_DELTAS
  let bad: SharedCounts['bad'] = []
  let number = 0
  let version = 0
  let isChanged = false
  // What the document does not hold yet, in case that somebody has removed it.
  let unwritten = NO_DELTAS

  async function write(): Promise<boolean> {
    const value = { sums, bad } as unknown as Json
    return migration.store.putDocument(name, value, { expected: version })
  }

  return {
    add(deltas, units) {
      sums = addDeltas(sums, deltas)
      unwritten = addDeltas(unwritten, deltas)
      bad = [...bad, ...units.map(({ at, hash }) => [++number, at, hash] as const)].slice(-KEPT)
      isChanged ||= [deltas.errors?.legacy, deltas.errors?.target].some((side) => (side?.total ?? 0) > 0)
      isChanged ||= (deltas.integrity?.compared ?? 0) > 0
    },
    async flush() {
      if (!isChanged) return
      isChanged = false
      const sent = unwritten
      unwritten = NO_DELTAS
      try {
        if (!(await write())) {
          version = (await migration.store.getDocument(name))?.version ?? 0
          // Whoever removed it takes what comes now for a process that has just begun.
          if (version === 0) sums = addDeltas(sent, unwritten)
          if (!(await write())) throw new Error('Two processes have one name.')
        }
        version++
      } catch (error) {
        isChanged = true
        unwritten = addDeltas(sent, unwritten)
        throw error
      }
    },
  }
}
