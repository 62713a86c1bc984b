import { InvalidOptionError } from '@twinspan/core'
import { type Normalize, type Normalizers, normalizersOf } from './values/normalize.ts'

export interface CompareOptions {
  /**
   * For columns that the other side stores in its own form, by column: a decimal's scale, trimmed text. How many values were
   * the same only because of it is counted, and stands in the record.
   *
   * @example
   * ```ts
   * { normalize: { price: { decimals: 2 }, name: ['nfc', 'rtrim'], mail: (value) => String(value).toLowerCase() } }
   * ```
   */
  readonly normalize?: Normalize
  /**
   * When a key that seems to differ is looked at again, in milliseconds after it was first seen. It is drift when it differs
   * in the same way in two looks in a row and the journal holds nothing for it. At least two.
   *
   * @default [0, 250, 1_000, 4_000]
   */
  readonly recheckMs?: readonly number[]
  /**
   * What findings may tell beside field names and reasons. Keys and values may be personal data.
   *
   * @default 'nothing'
   */
  readonly reveal?: 'nothing' | 'keys' | 'values'
  /**
   * The HMAC key behind the subjects of findings.
   *
   * @default a random one, made once per migration and kept in its store
   */
  readonly findingSecret?: string | Uint8Array
  readonly signal?: AbortSignal
}

export interface CompareSettings {
  /** Legacy column → target column, where values are compared without the application's translation. */
  readonly raw: Readonly<Record<string, string>> | undefined
  readonly normalize: Normalizers
  readonly recheckMs: readonly number[]
  readonly reveal: 'nothing' | 'keys' | 'values'
  readonly findingSecret: string | Uint8Array | undefined
  readonly signal: AbortSignal | undefined
}

export function compareSettings(options: CompareOptions): CompareSettings {
  const { normalize = {}, recheckMs = [0, 250, 1_000, 4_000], reveal = 'nothing' } = options
  const normalizers = normalizersOf(normalize)
  const ascends = recheckMs.every((ms, at) => Number.isFinite(ms) && ms >= (recheckMs[at - 1] ?? 0))
  if (recheckMs.length < 2 || !ascends) {
    throw new InvalidOptionError('recheckMs', recheckMs, 'at least two times in ascending order')
  }
  if (reveal !== 'nothing' && reveal !== 'keys' && reveal !== 'values') {
    throw new InvalidOptionError('reveal', reveal, "'nothing', 'keys' or 'values'")
  }
  return {
    raw: undefined,
    normalize: normalizers,
    recheckMs,
    reveal,
    findingSecret: options.findingSecret,
    signal: options.signal,
  }
}
