/** `138398` as `138,398`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** `3.24` as `3.2 s`. */
export function seconds(value: number): string {
  return `${value.toFixed(1)} s`
}

/** `182.4` as `182 ms`. */
export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}

/** `1 row`, `2 rows`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}
