import type { FieldReason } from './compare-values.ts'

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
const INTEGER = /^[+-]?\d+$/

/** What one double keeps of a number that went through a narrower one. */
const SINGLE_PRECISION = 1e-6

type Numeric = number | bigint | string

/** A number, or text that says one, the way drivers hand out big integers and decimals. */
export function isNumeric(value: unknown): value is Numeric {
  if (typeof value === 'number' || typeof value === 'bigint') return true
  return typeof value === 'string' && (DECIMAL.test(value) || value === 'NaN' || /^-?Infinity$/.test(value))
}

export function differenceOfNumbers(expected: Numeric, actual: Numeric): FieldReason | null {
  const left = integerOf(expected)
  const right = integerOf(actual)
  if (left !== undefined && right !== undefined) return left === right ? null : 'value'
  const [a, b] = [Number(expected), Number(actual)]
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return null
  if (!Number.isFinite(a) || !Number.isFinite(b)) return 'value'
  if (isLastBit(a, b)) return null
  return isRounded(expected, actual, Math.abs(a - b)) || isNear(a, b) ? 'precision' : 'value'
}

/** The exact value of an integer, which as a double it may not have. */
function integerOf(value: Numeric): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  return INTEGER.test(value) ? BigInt(value.replace('+', '')) : undefined
}

/** mysql2 reads the text of a double with a parser of its own, which may miss the last bit. No store is to blame for that. */
function isLastBit(a: number, b: number): boolean {
  const whole = Number.isInteger(a) && Number.isInteger(b)
  return !whole && Math.abs(a - b) <= Number.EPSILON * Math.max(Math.abs(a), Math.abs(b))
}

/** One of the two has a fraction that the other has fewer digits of. */
function isRounded(a: Numeric, b: Numeric, distance: number): boolean {
  const digits = [a, b].map((value) => /\.(\d*?)0*$/.exec(String(value))?.[1]?.length ?? 0) as [number, number]
  return digits[0] !== digits[1] && distance < 10 ** -Math.min(...digits)
}

function isNear(a: number, b: number): boolean {
  const larger = Math.max(Math.abs(a), Math.abs(b))
  const whole = Number.isInteger(a) && Number.isInteger(b) && larger < 2 ** 53
  return !whole && Math.abs(a - b) <= larger * SINGLE_PRECISION
}
