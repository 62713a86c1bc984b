import { InvalidOptionError, type SideName } from '@twinspan/core'
import { type Percent, parsePercent } from './percent.ts'

/** The steps of a ramp. Throws when they do not ascend from above 0. */
export function stepsOption(steps: readonly (string | number)[]): readonly [Percent, ...Percent[]] {
  const expected = 'ascending percentages above 0, such as [1, 5, 10, 25, 50, 100]'
  if (!Array.isArray(steps) || steps.length === 0) throw new InvalidOptionError('steps', steps, expected)
  const parsed = steps.map((step) => parsePercent(step, 'steps'))
  let last = 0
  for (const { text, threshold } of parsed) {
    if (threshold <= last) throw new InvalidOptionError('steps', text, expected)
    last = threshold
  }
  return parsed as [Percent, ...Percent[]]
}

/** A list of keys as texts. */
export function textsOption(name: string, value: readonly string[] | undefined): readonly string[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string' || item === '')) {
    throw new InvalidOptionError(name, value, 'a list of non-empty strings')
  }
  return [...new Set(value)]
}

/** Tenants and the side that each is pinned to. */
export function tenantsOption(
  value: Readonly<Record<string, SideName>> | undefined,
): Readonly<Record<string, SideName>> {
  if (value === undefined) return {}
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isRecord || Object.values(value).some((side) => side !== 'legacy' && side !== 'target')) {
    throw new InvalidOptionError('tenants', value, "an object from tenant to 'legacy' or 'target'")
  }
  return value
}

/** A function, where one is given. */
export function functionOption<Given>(name: string, value: Given): Given {
  if (value !== undefined && typeof value !== 'function') throw new InvalidOptionError(name, value, 'a function')
  return value
}
