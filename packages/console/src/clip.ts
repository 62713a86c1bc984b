import type { Json } from '@twinspan/core'

/** How much of a text is worth showing. What is longer is shown with a mark that something is missing. */
const LONGEST_TEXT = 300
const MOST_ITEMS = 50
const DEEPEST = 6

/** The beginning of a text, however long somebody made it. */
export function clipText(text: string, longest: number = LONGEST_TEXT): string {
  const whole = String(text ?? '')
  // Whole characters only: half a surrogate pair is no text.
  return whole.length <= longest ? whole : `${whole.slice(0, longest).replace(/[\uD800-\uDBFF]$/u, '')}…`
}

/** A value from the store, small enough to send to everybody who watches every few seconds. */
export function clipJson(value: Json, depth: number = 0): Json {
  if (typeof value === 'string') return clipText(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= DEEPEST) return '…'
  if (isList(value)) return value.slice(0, MOST_ITEMS).map((item) => clipJson(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MOST_ITEMS)
      .map(([name, item]) => [clipText(name, 80), clipJson(item, depth + 1)]),
  )
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
