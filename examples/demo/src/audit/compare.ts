import type { Images } from './images.ts'

export interface Difference {
  readonly entity: string
  readonly key: number
  /** The names of the fields, or `(row)` when one side has none. */
  readonly fields: readonly string[]
}

export interface Comparison {
  readonly compared: number
  /** Keys left out because they were written after legacy was frozen. */
  readonly skipped: number
  readonly differing: readonly Difference[]
}

/** Compares both databases row by row, field by field, in both directions. */
export function compareImages(
  legacy: Images,
  target: Images,
  writtenLater: (entity: string, key: number) => boolean,
): Comparison {
  const differing: Difference[] = []
  let compared = 0
  let skipped = 0
  for (const entity of ['place', 'account'] as const) {
    const left: ReadonlyMap<number, object> = legacy[entity]
    const right: ReadonlyMap<number, object> = target[entity]
    for (const key of new Set([...left.keys(), ...right.keys()])) {
      if (writtenLater(entity, key)) {
        skipped++
        continue
      }
      compared++
      const fields = differences(left.get(key), right.get(key))
      if (fields.length > 0) differing.push({ entity, key, fields })
    }
  }
  return { compared, skipped, differing }
}

function differences(left: object | undefined, right: object | undefined): readonly string[] {
  if (left === undefined || right === undefined) return ['(row)']
  const others = right as Record<string, unknown>
  return Object.entries(left)
    .filter(([field, value]) => value !== others[field] && JSON.stringify(value) !== JSON.stringify(others[field]))
    .map(([field]) => field)
}
