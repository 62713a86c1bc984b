import { type Entity, otherSide, redact, type SideName, TranslationError, translateRow } from '@twinspan/core'
import { difference } from './compare-values.ts'
import type { FieldDifference, Reason } from './finding.ts'
import type { Normalize } from './options.ts'

/** What the secondary should hold for a key; `null`: no row. */
export type Expected =
  | {
      readonly row: Row | null
      /** The properties of the row that are arrays of rows themselves. */
      readonly parts?: readonly string[]
    }
  | { readonly error: string }

type Row = Readonly<Record<string, unknown>>

/** How a key differs. */
export interface Difference {
  readonly reason: Reason
  readonly fields: readonly FieldDifference[]
}

const NO_ROW: Expected = { row: null }

/** What the secondary should hold for a row of the primary, or for its absence. */
export function expectedOf(entity: Entity, primary: SideName, row: unknown): Expected {
  if (row === undefined) return NO_ROW
  try {
    const { parts } = entity[otherSide(primary)]
    return { row: translateRow(entity, primary, row) as Row | null, ...(parts === undefined ? {} : { parts }) }
  } catch (error) {
    if (error instanceof TranslationError) return { error: redact(error) }
    throw error
  }
}

/** How what the secondary holds differs from what it should hold; `null` when it does not. */
export function differenceOf(expected: Expected, actual: unknown, normalize: Normalize): Difference | null {
  if ('error' in expected) return { reason: 'untranslatable', fields: [] }
  if (expected.row === null) return actual === undefined ? null : { reason: 'extra', fields: [] }
  if (actual === undefined) return { reason: 'missing', fields: [] }
  const held = actual as Row
  const fields: FieldDifference[] = []
  for (const name in expected.row) {
    const value = expected.row[name]
    // A column that the translation leaves out is the secondary's own.
    if (value === undefined) continue
    const isPart = expected.parts?.includes(name) && normalize[name] === undefined
    const reason = isPart ? comparePart(value, held[name]) : compareField(value, held[name], normalize[name])
    if (reason !== null) fields.push({ name, reason })
  }
  const [first] = fields
  if (first === undefined) return null
  return { reason: fields.every(({ reason }) => reason === first.reason) ? first.reason : 'value', fields }
}

function compareField(
  expected: unknown,
  actual: unknown,
  normalize: ((value: unknown) => unknown) | undefined,
): FieldDifference['reason'] | null {
  if (expected === actual) return null
  return normalize === undefined ? difference(expected, actual) : difference(normalize(expected), normalize(actual))
}

/** Rows of another table, in order: drivers disagree about the types of their values as they do about the record's. */
function comparePart(expected: unknown, actual: unknown): FieldDifference['reason'] | null {
  if (!Array.isArray(expected) || !Array.isArray(actual)) return difference(expected, actual)
  if (expected.length !== actual.length) return 'value'
  const reasons = new Set<FieldDifference['reason']>()
  for (const [index, row] of expected.entries()) {
    const found = differenceOf({ row: row as Row }, actual[index] as Row, {})
    for (const { reason } of found?.fields ?? []) reasons.add(reason)
  }
  const [first = null, ...others] = reasons
  return others.length === 0 ? first : 'value'
}
