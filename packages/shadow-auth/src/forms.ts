import type { Limits } from './limits.ts'

/** One way in which a typed password may have been turned into bytes. */
export interface Form {
  readonly bytes: Buffer
  /** What a new hash is made of when this form was the right one. */
  readonly text: string
}

/** Every form of one typed password. How many there are depends on the text alone, never on whose login it is. */
export interface Forms {
  /** For hashes that others made. */
  readonly legacy: readonly Form[]
  /** For hashes that we made. */
  readonly current: readonly Form[]
}

/**
 * Other texts or bytes that a typed password may have been hashed as.
 *
 * @example
 * ```ts
 * const candidates = (password: string) => [password.trim(), Buffer.from(password, 'latin1')]
 * ```
 */
export type Candidates = (password: string) => readonly (string | Uint8Array)[]

export interface FormsOptions {
  readonly unicode: 'nfc' | 'as-typed'
  readonly candidates: Candidates
  readonly limits: Limits
}

/** Each one costs every refused login a verification more. */
const MOST_CANDIDATES = 4

/** How a password is spelled in a new hash: one password typed on two keyboards has to be one password. */
export function spelled(password: string, unicode: FormsOptions['unicode']): string {
  return unicode === 'nfc' ? password.normalize('NFC') : password
}

export function formsOf(password: string, { unicode, candidates, limits }: FormsOptions): Forms {
  const typed = spelled(password, unicode)
  const given = candidates(password).slice(0, MOST_CANDIDATES)
  const texts = given.filter((one) => typeof one === 'string').map((one) => formOf(one, spelled(one, unicode)))
  // Bytes are another encoding of what was typed, which a new hash has no need of.
  const bytes = given.filter((one) => typeof one !== 'string').map((one) => formOf(one, typed))
  const [asTyped, asSpelled] = [formOf(password, typed), formOf(typed, typed)]
  return {
    legacy: distinct([asTyped, asSpelled, ...texts, ...bytes], limits),
    current: distinct([asSpelled, asTyped, ...texts.map(({ text }) => formOf(text, text))], limits),
  }
}

function formOf(input: string | Uint8Array, text: string): Form {
  return { bytes: Buffer.from(input as string), text }
}

function distinct(forms: readonly Form[], { passwordBytes }: Limits): readonly Form[] {
  return forms.filter(
    ({ bytes }, at) =>
      bytes.length > 0 && bytes.length <= passwordBytes && forms.findIndex((other) => other.bytes.equals(bytes)) === at,
  )
}
