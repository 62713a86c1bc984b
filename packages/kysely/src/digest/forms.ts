import type { CanonicalForm } from '@twinspan/core'
import type { RawBuilder } from 'kysely'

/** A column in one form, in SQL. NULL stays NULL. */
export type Write = (column: RawBuilder<unknown>) => RawBuilder<unknown>

/** The forms in which a column can be written, the best first. Injective: two values never give one text. */
export type Forms = ReadonlyMap<CanonicalForm, Write>

export const NO_FORMS: Forms = new Map()

export function formsOf(...forms: readonly (readonly [CanonicalForm, Write])[]): Forms {
  return new Map(forms)
}

/** The digits after the point of a `decimal(12,2)`; `undefined` where values may have any number of them. */
export function scaleOf(type: string): number | undefined {
  const [, precision, scale = '0'] = /^(?:decimal|numeric)\((\d+)(?:,\s*(\d+))?\)/i.exec(type) ?? []
  return precision === undefined ? undefined : Number(scale)
}

/** The name of a type, without what stands in brackets: `numeric(10,2)` → `numeric`. */
export function baseType(type: string): string {
  return type
    .replaceAll(/\([^)]*\)/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .toLowerCase()
}
