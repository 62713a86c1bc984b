import { type Key, keyText } from '@twinspan/core'
import { type Comparison, loadRows } from './comparison.ts'
import type { Suspects } from './suspects.ts'
import { differenceOf, expectedOf } from './verdict.ts'

/** Compares these keys and puts those that differ under watch. Returns how many there were, on either side. */
export async function compareKeys(comparison: Comparison, keys: readonly Key[], suspects: Suspects): Promise<number> {
  const { entity, primary, secondary, settings } = comparison
  const truth = await loadRows(entity, primary, keys)
  const held = await loadRows(entity, secondary, keys)
  let compared = 0
  for (const key of keys) {
    const [row, actual] = [truth.get(keyText(key)), held.get(keyText(key))]
    // Gone from both sides since somebody named it.
    if (row === undefined && actual === undefined) continue
    compared++
    const expected = expectedOf(entity, primary, row)
    if (differenceOf(expected, actual, settings.normalize) !== null) suspects.add(key, expected)
  }
  return compared
}
