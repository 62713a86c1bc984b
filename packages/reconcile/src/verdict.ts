import { type Entity, redact, type SideName, TranslationError, translateRow } from '@twinspan/core'
import { difference } from './compare-values.ts'
import type { FieldDifference, Reason } from './finding.ts'
import type { Normalize } from './options.ts'

/** What the secondary should hold for a key; `null`: no row. */
export type Expected = { readonly row: Readonly<Record<string, unknown>> | null } | { readonly error: string }

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
    return { row: translateRow(entity, primary, row) as Readonly<Record<string, unknown>> | null }
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
  const held = actual as Readonly<Record<string, unknown>>
  const fields: FieldDifference[] = []
  for (const name in expected.row) {
    const value = expected.row[name]
    // A column that the translation leaves out is the secondary's own.
    if (value === undefined) continue
    const reason = compareField(value, held[name], normalize[name])
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
