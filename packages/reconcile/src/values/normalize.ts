import { InvalidOptionError } from '@twinspan/core'

/** A way to make a column's values comparable that has a name. */
export type Normalization =
  /** Unicode's composed form. */
  | 'nfc'
  /** Without blanks at the end. */
  | 'rtrim'
  /** An empty text is NULL. */
  | 'emptyAsNull'
  /** Rounded to so many digits after the point. */
  | { readonly decimals: number }
  /** A time without what is smaller. */
  | 'seconds'
  | 'milliseconds'

type OneNormalization = Normalization | ((value: unknown) => unknown)

/** Makes a field's values comparable before they are: applied to the translated value and to the one that is held. */
export type Normalize = Readonly<Record<string, OneNormalization | readonly OneNormalization[]>>

/** By column. */
export type Normalizers = Readonly<Record<string, (value: unknown) => unknown>>

export function normalizersOf(normalize: Normalize): Normalizers {
  return Object.fromEntries(
    Object.entries(normalize).map(([column, wanted]) => {
      const steps = [wanted].flat().map((one) => stepOf(column, one))
      return [column, (value: unknown) => steps.reduce((made, step) => step(made), value)]
    }),
  )
}

function stepOf(column: string, wanted: OneNormalization): (value: unknown) => unknown {
  if (typeof wanted === 'function') return wanted
  if (wanted === 'nfc') return onText((text) => text.normalize('NFC'))
  if (wanted === 'rtrim') return onText((text) => text.replace(/ +$/, ''))
  if (wanted === 'emptyAsNull') return (value) => (value === '' ? null : value)
  if (wanted === 'seconds') return (value) => upTo(value, 1_000)
  if (wanted === 'milliseconds') return (value) => upTo(value, 1)
  const decimals = typeof wanted === 'object' && wanted !== null ? wanted.decimals : Number.NaN
  if (Number.isInteger(decimals) && decimals >= 0 && decimals <= 100) return (value) => rounded(value, decimals)
  throw new InvalidOptionError(
    `normalize.${column}`,
    wanted,
    "a function, 'nfc', 'rtrim', 'emptyAsNull', 'seconds', 'milliseconds' or { decimals }",
  )
}

function onText(change: (text: string) => string): (value: unknown) => unknown {
  return (value) => (typeof value === 'string' ? change(value) : value)
}

const FRACTION = /(:\d\d)\.(\d+)/

function upTo(value: unknown, ms: number): unknown {
  if (value instanceof Date) return new Date(Math.floor(value.getTime() / ms) * ms)
  if (typeof value !== 'string') return value
  return value.replace(FRACTION, (_, second: string, fraction: string) =>
    ms === 1 ? `${second}.${fraction.slice(0, 3)}` : second,
  )
}

const DECIMAL = /^([+-]?)(\d*)\.?(\d*)$/

/** Half away from zero, by the digits: a double would round some of them otherwise. */
function rounded(value: unknown, decimals: number): unknown {
  const isNumber = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string'
  const [, sign = '', whole = '', fraction = ''] = (isNumber ? DECIMAL.exec(String(value)) : null) ?? []
  if (whole + fraction === '') return typeof value === 'number' ? Number(value.toFixed(decimals)) : value
  const digits = BigInt(`${whole}${fraction.padEnd(decimals, '0').slice(0, decimals)}`)
  const up = (fraction[decimals] ?? '0') >= '5' ? 1n : 0n
  const text = (digits + up).toString().padStart(decimals + 1, '0')
  const point = text.length - decimals
  const made = decimals === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`
  return /^[0.]*$/.test(made) ? made : `${sign === '-' ? '-' : ''}${made}`
}
