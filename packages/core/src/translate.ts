import type { Entity } from './entity.ts'
import { redact, TranslationError } from './errors.ts'
import { otherSide, type SideName } from './phases.ts'

/**
 * What the other side is to hold for a row that `from` stores; `null` when it is to hold none.
 *
 * @throws TranslationError when the translation throws, returns no row, or a row of another key
 */
export function translateRow(entity: Entity, from: SideName, row: unknown): unknown {
  let translated: unknown
  try {
    translated = entity.translate(from, row)
  } catch (error) {
    // No cause: its message may hold the row's values.
    throw new TranslationError(entity.name, `the translation threw ${redact(error)}`)
  }
  if (translated === null) return null
  if (typeof translated !== 'object') throw new TranslationError(entity.name, 'the translation returned no row')
  let same: boolean
  try {
    same = entity.keyTextOf(otherSide(from), translated) === entity.keyTextOf(from, row)
  } catch {
    throw new TranslationError(entity.name, 'the translation returned a row without a key')
  }
  if (!same) throw new TranslationError(entity.name, 'the translation returned a row of another key')
  return translated
}
