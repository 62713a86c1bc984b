import type { FieldReason } from './compare-values.ts'

const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

const QUARTER_OF_AN_HOUR = 900_000
const WIDEST_ZONE = 14 * 3_600_000

/** Compares two instants of which at least one is a `Date`; the other may be text, or the number of a unit of time since 1970. */
export function differenceOfInstants(expected: unknown, actual: unknown): FieldReason | null {
  const [left, right] = [instantOf(expected), instantOf(actual)]
  if (left !== undefined && right !== undefined) return differenceOfMilliseconds(left, right)
  const [date, other] = expected instanceof Date ? [expected, actual] : [actual as Date, expected]
  const count = typeof other === 'number' || typeof other === 'bigint' ? Number(other) : Number.NaN
  const ms = date.getTime()
  return count === ms || count === ms / 1000 || count === Math.floor(ms / 1000) ? null : 'value'
}

export function differenceOfMilliseconds(a: number, b: number): FieldReason | null {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return null
  const distance = Math.abs(a - b)
  if (distance <= WIDEST_ZONE && distance % QUARTER_OF_AN_HOUR === 0) return 'timezone-shift'
  return distance < 1_000 ? 'precision' : 'value'
}

/** Milliseconds since 1970 of a `Date` or of a timestamp's text, which is UTC unless it says otherwise. */
export function instantOf(value: unknown): number | undefined {
  if (value instanceof Date) return value.getTime()
  if (typeof value !== 'string') return undefined
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] =
    TIMESTAMP.exec(value) ?? []
  if (year === undefined) return undefined
  const offset = zone.length === 3 ? `${zone}:00` : zone
  const ms = fraction.padEnd(3, '0').slice(0, 3)
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}${offset.toUpperCase()}`)
}
