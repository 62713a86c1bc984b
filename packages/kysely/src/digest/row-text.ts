import type { CanonicalForm } from '@twinspan/core'
import type { ColumnFacts } from '../catalog.ts'

/** Between the fields of a row, and between rows. Values of every form but `text` are without them; a text tells its length. */
const FIELD = '\u001f'
export const ROW = '\u001e'

/** A column that goes into a digest, in the order in which both sides name it. */
export interface Field {
  readonly name: string
  readonly form: CanonicalForm
  /** Whether it may be NULL on either side. */
  readonly nullable: boolean
  /** See `DigestColumn.scale`. */
  readonly scale?: number
  /** See `DigestColumn.bits`. */
  readonly bits?: boolean
  readonly facts: ColumnFacts
}

/**
 * A row's text: which of the nullable fields are NULL, then the lengths of the texts in bytes, then the values that are not
 * NULL. `written` are the values as text, `null` for NULL, in the order of the fields.
 */
export function rowText(fields: readonly Field[], written: readonly (string | null)[]): string {
  const bitmap = fields.flatMap(({ nullable }, at) => (nullable ? [written[at] === null ? '1' : '0'] : [])).join('')
  const lengths = fields.flatMap(({ form }, at) => {
    const value = written[at]
    return form === 'text' && typeof value === 'string' ? [String(Buffer.byteLength(value))] : []
  })
  const values = written.filter((value) => value !== null)
  return [...(bitmap === '' ? [] : [bitmap]), ...lengths, ...values].join(FIELD)
}
