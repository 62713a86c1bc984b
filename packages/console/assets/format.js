const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/**
 * `12,345`
 *
 * @param {number} number
 */
export function count(number) {
  return whole.format(number)
}

/**
 * A number with its noun: `1 row`, `2 rows`.
 *
 * @param {number} number
 * @param {string} noun
 */
export function many(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`
}

/**
 * A share in per cent, rounded down: 99.9999 % of the truth is not all of it.
 *
 * @param {number} ratio
 */
export function share(ratio) {
  const percent = Math.floor(ratio * 1_000_000) / 10_000
  return `${percent} %`
}

/** @type {readonly (readonly [number, string])[]} */
const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
  [1, 'ms'],
]

/**
 * `420 ms`, `12 s`, `3 min`, `2 h`.
 *
 * @param {number} ms
 */
export function duration(ms) {
  const [size, unit] = UNITS.find(([size]) => ms >= size) ?? [1, 'ms']
  const number = ms / size
  return `${number < 10 && unit !== 'ms' ? Math.round(number * 10) / 10 : Math.round(number)} ${unit}`
}

/**
 * How long ago `at` was at `now`, or how far ahead it is.
 *
 * @param {number} at
 * @param {number} now
 */
export function ago(at, now) {
  const ms = now - at
  if (Math.abs(ms) < 2_000) return 'now'
  return ms > 0 ? `${duration(ms)} ago` : `in ${duration(-ms)}`
}

/**
 * A figure of a plot, with as many digits as say something.
 *
 * @param {number | null | undefined} number
 */
export function figure(number) {
  if (number === null || number === undefined || Number.isNaN(number)) return '–'
  return number >= 100 ? count(number) : String(Number(number.toPrecision(3)))
}
