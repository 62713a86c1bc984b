import { isBytes, sameBytes } from './bytes.ts'
import { differenceOfInstants } from './instants.ts'
import { canonicalJson, jsonOf } from './json.ts'
import { differenceOfNumbers, isNumeric } from './numbers.ts'
import { differenceOfText } from './text.ts'

/** How two values of one field differ. */
export type FieldReason =
  | 'value'
  | 'null-vs-empty'
  | 'case'
  | 'padding'
  | 'unicode-form'
  | 'encoding'
  | 'precision'
  | 'json-order'
  | 'timezone-shift'

/**
 * How the value that the translation gives and the value that the other side holds differ; `null` when they are the same.
 *
 * Drivers hand out one value in different types: a timestamp is a `Date` or text, a big integer a number, a bigint or text, a
 * boolean a number, JSON parsed or not. Across types the values are compared; within one type nothing is forgiven.
 */
export function difference(expected: unknown, actual: unknown): FieldReason | null {
  if (expected === actual) return null
  if (isNothing(expected) || isNothing(actual)) {
    if (isNothing(expected) && isNothing(actual)) return null
    return expected === '' || actual === '' ? 'null-vs-empty' : 'value'
  }
  if (typeof expected === 'string' && typeof actual === 'string') return differenceOfText(expected, actual)
  if (expected instanceof Date || actual instanceof Date) return differenceOfInstants(expected, actual)
  if (typeof expected === 'boolean' || typeof actual === 'boolean') {
    const [left, right] = [booleanOf(expected), booleanOf(actual)]
    return left !== undefined && left === right ? null : 'value'
  }
  if (isBytes(expected) || isBytes(actual)) return sameBytes(expected, actual) ? null : 'value'
  if (isNumeric(expected) && isNumeric(actual)) return differenceOfNumbers(expected, actual)
  if (typeof expected === 'object' || typeof actual === 'object') {
    return canonicalJson(jsonOf(expected)) === canonicalJson(jsonOf(actual)) ? null : 'value'
  }
  return 'value'
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined
}

const BOOLEANS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...[true, 1, 1n, '1', 't', 'true'].map((value) => [value, true] as const),
  ...[false, 0, 0n, '0', 'f', 'false'].map((value) => [value, false] as const),
])

function booleanOf(value: unknown): boolean | undefined {
  // bit(1) arrives as one byte.
  if (isBytes(value)) return value.length === 1 ? BOOLEANS.get(value[0]) : undefined
  return BOOLEANS.get(value)
}
