import type { Form } from './forms.ts'
import type { Limits } from './limits.ts'
import type { Scheme, Work } from './schemes/scheme.ts'
import { readHash, type StoredHash, settle, type Verification } from './verify-password.ts'

/** A hash that was held against every form of a password. */
export interface FormsVerification extends Verification {
  /** The form that fits. */
  readonly form?: Form
  /** What was computed, one entry a key derivation. */
  readonly work: readonly Work[]
}

/**
 * Holds a hash against every form, also when an earlier one fitted: a refusal must not tell by its time which one did.
 *
 * @param formsFor the forms for a hash of this scheme, all within the limits
 */
export async function verifyForms(
  formsFor: (scheme: Scheme) => readonly Form[],
  { hash, params }: StoredHash,
  schemes: readonly Scheme[],
  limits: Limits,
): Promise<FormsVerification> {
  const read = readHash(hash, schemes, limits, params)
  if (!read.ok) return { ...read, work: [] }
  const { scheme, reading } = read
  const work: Work[] = []
  let fitting: Form | undefined
  let reason: Verification['reason']
  for (const form of formsFor(scheme)) {
    const answer = await settle(reading.verify(form.bytes))
    if (answer === true) fitting ??= form
    else if (answer !== false) reason ??= answer
    // What a library refused to compute has cost nothing.
    if (typeof answer !== 'string') work.push(...(reading.work ?? [{ scheme, params: reading.params }]))
  }
  if (fitting !== undefined) return { ok: true, scheme: scheme.name, form: fitting, work }
  return { ok: false, scheme: scheme.name, work, ...(reason === undefined ? {} : { reason }) }
}
