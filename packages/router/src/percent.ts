import { InvalidOptionError } from '@twinspan/core'

/** How many buckets there are; a bucket is below it. */
export const BUCKETS: number = 2 ** 32

/** A percentage that means exactly what it says. */
export interface Percent {
  /** The shortest decimal that says it: `'0'`, `'0.01'`, `'100'`. */
  readonly text: string
  /** The keys whose bucket is below it are in. */
  readonly threshold: number
}

const DECIMAL = /^(\d{1,20})(?:\.(\d{1,20}))?$/

/**
 * Reads a percentage as the decimal that it is written as, without a float in between.
 *
 * @throws InvalidOptionError when it is no plain decimal from 0 to 100, or so close to 0 or to 100 that it would mean nobody
 * or everybody
 */
export function parsePercent(value: string | number, option = 'percent'): Percent {
  const match = typeof value === 'string' || typeof value === 'number' ? DECIMAL.exec(String(value)) : null
  if (match === null) throw refused(option, value)
  const [, whole = '0', fraction = ''] = match
  const scale = 10n ** BigInt(fraction.length)
  const scaled = BigInt(whole + fraction)
  if (scaled > 100n * scale) throw refused(option, value)

  const threshold = Number((scaled * 2n ** 33n + 100n * scale) / (200n * scale))
  const isNobody = threshold === 0 && scaled > 0n
  const isEverybody = threshold === BUCKETS && scaled < 100n * scale
  if (isNobody || isEverybody) throw refused(option, value)
  return { text: canonical(whole, fraction), threshold }
}

function canonical(whole: string, fraction: string): string {
  const trimmed = fraction.replace(/0+$/, '')
  const integer = whole.replace(/^0+(?=\d)/, '')
  return trimmed === '' ? integer : `${integer}.${trimmed}`
}

function refused(option: string, value: unknown): InvalidOptionError {
  return new InvalidOptionError(
    option,
    value,
    "a decimal from 0 to 100 such as '0.5', which neither rounds to nobody (below 100 / 2^33) nor to everybody",
  )
}
