import { InvalidOptionError } from '@twinspan/core'

/** Makes a field's values comparable before they are: applied to the translated value and to the one that is held. */
export type Normalize = Readonly<Record<string, (value: unknown) => unknown>>

export interface CompareOptions {
  /**
   * For columns that the other side stores in its own form, by column: a decimal's scale, trimmed text.
   *
   * @example
   * ```ts
   * { normalize: { price: (value) => Number(value), name: (value) => String(value).trimEnd() } }
   * ```
   */
  readonly normalize?: Normalize
  /**
   * When a key that seems to differ is looked at again, in milliseconds after it was first seen. It is drift when it differs
   * in the same way in two looks in a row and the journal holds nothing for it. At least two.
   *
   * @default [250, 1_000, 4_000]
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
  readonly normalize: Normalize
  readonly recheckMs: readonly number[]
  readonly reveal: 'nothing' | 'keys' | 'values'
  readonly findingSecret: string | Uint8Array | undefined
  readonly signal: AbortSignal | undefined
}

export function compareSettings(options: CompareOptions): CompareSettings {
  const { normalize = {}, recheckMs = [250, 1_000, 4_000], reveal = 'nothing' } = options
  for (const [column, make] of Object.entries(normalize)) {
    if (typeof make !== 'function') throw new InvalidOptionError(`normalize.${column}`, make, 'a function')
  }
  const ascends = recheckMs.every((ms, at) => Number.isFinite(ms) && ms >= (recheckMs[at - 1] ?? 0))
  if (recheckMs.length < 2 || !ascends) {
    throw new InvalidOptionError('recheckMs', recheckMs, 'at least two times in ascending order')
  }
  if (reveal !== 'nothing' && reveal !== 'keys' && reveal !== 'values') {
    throw new InvalidOptionError('reveal', reveal, "'nothing', 'keys' or 'values'")
  }
  return { normalize, recheckMs, reveal, findingSecret: options.findingSecret, signal: options.signal }
}
