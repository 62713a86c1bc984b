import type { DriftPattern } from '@twinspan/core'
import { instantOf } from '../values/instants.ts'
import { isNumeric } from '../values/numbers.ts'
import type { Drift } from './suspects.ts'

/** Watches what the keys that drift have in common. */
export interface Patterns {
  add(drift: Drift): void
  /** The most frequent first. */
  readonly found: readonly DriftPattern[]
}

interface Pattern {
  readonly field: string | null
  readonly reason: string
  keys: number
  /** `undefined` before the first; `null` once two were not the same. */
  offset: number | null | undefined
}

export function createPatterns(): Patterns {
  const patterns = new Map<string, Pattern>()

  function count(field: string | null, reason: string, offset: number | null): void {
    const id = JSON.stringify([field, reason])
    const known = patterns.get(id)
    if (known === undefined) patterns.set(id, { field, reason, keys: 1, offset })
    else {
      known.keys += 1
      if (known.offset !== offset) known.offset = null
    }
  }

  return {
    add({ difference, look }) {
      if (difference.fields.length === 0) count(null, difference.reason, null)
      const expected = 'row' in look.expected ? (look.expected.row ?? {}) : {}
      const actual = (look.actual ?? {}) as Readonly<Record<string, unknown>>
      for (const { name, reason } of difference.fields) count(name, reason, offsetOf(expected[name], actual[name]))
    },
    get found() {
      return [...patterns.values()]
        .map(({ field, reason, keys, offset }) => ({ field, reason, keys, offset: keys > 1 ? (offset ?? null) : null }))
        .sort((a, b) => b.keys - a.keys)
    },
  }
}

/** How far apart two numbers, or two instants in seconds, are. */
function offsetOf(expected: unknown, actual: unknown): number | null {
  if (isNumeric(expected) && isNumeric(actual)) {
    const distance = Number(actual) - Number(expected)
    return Number.isFinite(distance) ? rounded(distance) : null
  }
  const [left, right] = [instantOf(expected), instantOf(actual)]
  return left === undefined || right === undefined ? null : rounded((right - left) / 1000)
}

/** Without the last bits, in which equal distances differ. */
function rounded(distance: number): number {
  return Number(distance.toPrecision(12))
}

/** A pattern in words: `all 412 differ by +3600 in created_at (timezone-shift)`. */
export function describePattern({ field, reason, keys, offset }: DriftPattern): string {
  const who = keys === 1 ? '1 key' : `${keys.toLocaleString('en-US')} keys`
  if (field === null) return `${who}: ${reason}`
  if (offset === null) return `${who}: ${field} (${reason})`
  const unit = reason === 'timezone-shift' ? ' s' : ''
  return `${who}, all by ${offset > 0 ? '+' : ''}${offset}${unit}: ${field} (${reason})`
}
