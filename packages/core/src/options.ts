import { InvalidOptionError } from './errors.ts'

export interface NumberBounds {
  readonly min?: number
  readonly max?: number
  readonly integer?: boolean
}

/** The option's value, or its default when it is absent. Throws with the option's name when it is not a number in bounds. */
export function numberOption(
  name: string,
  value: number | undefined,
  fallback: number,
  bounds: NumberBounds = {},
): number {
  if (value === undefined) return fallback
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, integer = false } = bounds
  if (
    typeof value !== 'number' ||
    Number.isNaN(value) ||
    value < min ||
    value > max ||
    (integer && !Number.isInteger(value))
  ) {
    throw new InvalidOptionError(name, value, describe(min, max, integer))
  }
  return value
}

/** The option's value. Throws with the option's name when it is not a non-empty string. */
export function textOption(name: string, value: unknown, where?: string): string {
  if (typeof value !== 'string' || value.trim() === '')
    throw new InvalidOptionError(name, value, 'a non-empty string', where)
  return value
}

function describe(min: number, max: number, integer: boolean): string {
  const kind = integer ? 'an integer' : 'a number'
  if (Number.isFinite(min) && Number.isFinite(max)) return `${kind} from ${min} to ${max}`
  if (Number.isFinite(min)) return `${kind} of at least ${min}`
  return Number.isFinite(max) ? `${kind} of at most ${max}` : kind
}
