import { redact, TranslationError, translateRow } from '@twinspan/core'
import type { Comparison } from '../comparison.ts'
import { difference } from '../values/compare-values.ts'
import { differenceOfWritten } from '../values/compare-written.ts'
import type { Written } from '../values/exact.ts'
import type { FieldDifference, Reason } from './finding.ts'

/** What the secondary should hold for a key; `null`: no row. */
export type Expected =
  | {
      readonly row: Row | null
      /** The properties of the row that are arrays of rows themselves. */
      readonly parts?: readonly string[]
      /** The exact values of columns that were handed over as they are, by the secondary's name. */
      readonly exact?: ReadonlyMap<string, Written>
    }
  | { readonly error: string }

type Row = Readonly<Record<string, unknown>>

/** How a key differs. */
export interface Difference {
  readonly reason: Reason
  readonly fields: readonly FieldDifference[]
}

const NO_ROW: Expected = { row: null }

/** What a verdict on two rows depends on. */
export type Judge = Pick<Comparison, 'entity' | 'primary' | 'secondary' | 'exact' | 'settings'>

/** What the secondary should hold for a row of the primary, or for its absence. */
export function expectedOf(judge: Judge, row: unknown): Expected {
  if (row === undefined) return NO_ROW
  const { entity, primary, secondary, settings } = judge
  try {
    const expected =
      settings.raw === undefined ? (translateRow(entity, primary, row) as Row | null) : handedOver(judge, row)
    if (expected === null) return NO_ROW
    const { parts } = entity[secondary]
    const exact = exactOf(judge, row as Row, expected)
    return { row: expected, ...(parts === undefined ? {} : { parts }), ...(exact.size === 0 ? {} : { exact }) }
  } catch (error) {
    if (error instanceof TranslationError) return { error: redact(error) }
    throw error
  }
}

/** The row under the secondary's names, whatever the application's translation makes of it. */
function handedOver({ primary, secondary, settings }: Judge, row: unknown): Row {
  const pairs = Object.entries(settings.raw ?? {})
  return Object.fromEntries(
    pairs.map(([legacy, target]) => {
      const name = { legacy, target }
      return [name[secondary], (row as Row)[name[primary]] ?? null]
    }),
  )
}

/** Of the columns that were read exactly, those whose value the translation leaves as it is. */
function exactOf({ exact, primary, settings }: Judge, row: Row, expected: Row): ReadonlyMap<string, Written> {
  const values = new Map<string, Written>()
  for (const name in expected) {
    const source = exact.counterpart(primary, row, name)
    if (source === undefined || settings.normalize[name] !== undefined) continue
    if (difference(row[source.name], expected[name]) === null) values.set(name, source.written)
  }
  return values
}

/**
 * How what the secondary holds differs from what it should hold; `null` when it does not.
 *
 * @param forgiven told of each field that is the same only for having been normalized
 */
export function differenceOf(
  judge: Judge,
  expected: Expected,
  actual: unknown,
  forgiven: (field: string) => void = () => {},
): Difference | null {
  if ('error' in expected) return { reason: 'untranslatable', fields: [] }
  if (expected.row === null) return actual === undefined ? null : { reason: 'extra', fields: [] }
  if (actual === undefined) return { reason: 'missing', fields: [] }
  const { exact, secondary, settings } = judge
  const held = actual as Row
  const fields: FieldDifference[] = []
  for (const name in expected.row) {
    const value = expected.row[name]
    // A column that the translation leaves out is the secondary's own.
    if (value === undefined) continue
    const normalize = settings.normalize[name]
    const wanted = expected.exact?.get(name)
    const found = wanted === undefined ? undefined : exact.of(secondary, actual, name)
    let reason: FieldDifference['reason'] | null
    if (wanted !== undefined && found !== undefined) reason = differenceOfWritten(wanted.form, wanted.text, found.text)
    else if (normalize !== undefined) reason = compareNormalized(value, held[name], normalize, () => forgiven(name))
    else reason = expected.parts?.includes(name) ? comparePart(judge, value, held[name]) : difference(value, held[name])
    if (reason !== null) fields.push({ name, reason })
  }
  const [first] = fields
  if (first === undefined) return null
  return { reason: fields.every(({ reason }) => reason === first.reason) ? first.reason : 'value', fields }
}

function compareNormalized(
  expected: unknown,
  actual: unknown,
  normalize: (value: unknown) => unknown,
  forgiven: () => void,
): FieldDifference['reason'] | null {
  const reason = difference(expected, actual)
  if (reason === null) return null
  const left = difference(normalize(expected), normalize(actual))
  if (left === null) forgiven()
  return left
}

/** Rows of another table, in order: drivers disagree about the types of their values as they do about the record's. */
function comparePart(judge: Judge, expected: unknown, actual: unknown): FieldDifference['reason'] | null {
  if (!Array.isArray(expected) || !Array.isArray(actual)) return difference(expected, actual)
  if (expected.length !== actual.length) return 'value'
  const reasons = new Set<FieldDifference['reason']>()
  const bare: Judge = { ...judge, settings: { ...judge.settings, normalize: {} } }
  for (const [index, row] of expected.entries()) {
    const found = differenceOf(bare, { row: row as Row }, actual[index] as Row)
    for (const { reason } of found?.fields ?? []) reasons.add(reason)
  }
  const [first = null, ...others] = reasons
  return others.length === 0 ? first : 'value'
}
