import type { Key } from '@twinspan/core'
import type { FieldReason } from '../values/compare-values.ts'

export type Reason =
  /** The secondary has no row where it should have one. */
  | 'missing'
  /** The secondary has a row where it should have none. */
  | 'extra'
  /** The translation threw or gave another key. */
  | 'untranslatable'
  | FieldReason

export interface FieldDifference {
  readonly name: string
  readonly reason: FieldReason
}

/** A key that drifted: both sides held still, the journal knew nothing of it, and they differed twice. */
export interface Finding {
  readonly entity: string
  /** A keyed hash of the key: the same in every sweep and every process of a migration. */
  readonly subject: string
  /** Of fields that differ for several reasons: `value`. */
  readonly reason: Reason
  readonly fields: readonly FieldDifference[]
  /** Whether the key was handed to the mirror. */
  readonly marked: boolean
  /** With `reveal: 'keys'` or `'values'`. */
  readonly key?: Key
  /** With `reveal: 'values'`: what the translation gives and what the secondary holds, of the fields that differ. */
  readonly values?: Readonly<Record<string, { readonly expected: unknown; readonly actual: unknown }>>
}

/** What findings of a comparison are filed under in the migration's store. */
export const FINDING_KIND = 'reconcile'

/** The same for comparisons without the application's translation. */
export const RAW_FINDING_KIND = 'reconcile-raw'
