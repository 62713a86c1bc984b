import type { DriftPattern, SweepShardRecord } from '@twinspan/core'
import { createPlaces } from '../drift/places.ts'
import { createNotes, type Notes } from '../notes.ts'
import type { Compared } from '../sweep.ts'

/** What was found in all shards together, given in the order of their keys. */
export function combine(shards: readonly SweepShardRecord[]): Compared {
  const sum = (count: (shard: SweepShardRecord) => number): number =>
    shards.reduce((total, shard) => total + count(shard), 0)
  return {
    rows: sum(({ rows }) => rows),
    extra: sum(({ extra }) => extra),
    drift: sum(({ drift }) => drift),
    undecided: sum(({ undecided }) => undecided),
    repaired: sum(({ repaired }) => repaired),
    patterns: combinePatterns(shards),
    places: combinePlaces(shards),
    subjects: new Set(shards.flatMap(({ subjects }) => subjects)),
  }
}

/** What the comparisons of all shards had to say of themselves. */
export function combineNotes(shards: readonly SweepShardRecord[]): Notes {
  const notes = createNotes()
  for (const { readsRowsBecause, warnings = [], normalized = {} } of shards) {
    if (readsRowsBecause !== undefined) notes.readRows(readsRowsBecause)
    for (const warning of warnings) notes.warn(warning)
    for (const [column, values] of Object.entries(normalized)) notes.forgive(column, values)
  }
  return notes
}

function combinePatterns(shards: readonly SweepShardRecord[]): readonly DriftPattern[] {
  const patterns = new Map<string, DriftPattern>()
  for (const pattern of shards.flatMap((shard) => shard.patterns ?? [])) {
    const id = JSON.stringify([pattern.field, pattern.reason])
    const known = patterns.get(id)
    const offset = known === undefined || known.offset === pattern.offset ? pattern.offset : null
    patterns.set(id, { ...pattern, keys: (known?.keys ?? 0) + pattern.keys, offset })
  }
  return [...patterns.values()].sort((a, b) => b.keys - a.keys)
}

/** Each stretch of a shard lies in the middle of where it was. */
function combinePlaces(shards: readonly SweepShardRecord[]): readonly number[] {
  const places = createPlaces()
  let before = 0
  for (const { rows, places: own = [] } of shards) {
    for (const [at, count] of own.entries()) {
      if (count > 0) places.count(before + Math.floor(((at + 0.5) * rows) / own.length), count)
    }
    before += rows
  }
  return places.upTo(before)
}
