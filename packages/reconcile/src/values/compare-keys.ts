import { type Key, keyText } from '@twinspan/core'
import { type Comparison, loadRows } from '../comparison.ts'
import type { Suspects } from '../drift/suspects.ts'
import { differenceOf, expectedOf } from '../drift/verdict.ts'

/** Compares these keys and puts those that differ under watch. Returns how many there were, on either side. */
export async function compareKeys(comparison: Comparison, keys: readonly Key[], suspects: Suspects): Promise<number> {
  const { primary, secondary, notes } = comparison
  const truth = await loadRows(comparison, primary, keys)
  const held = await loadRows(comparison, secondary, keys)
  let compared = 0
  for (const key of keys) {
    const [row, actual] = [truth.get(keyText(key)), held.get(keyText(key))]
    // Gone from both sides since somebody named it.
    if (row === undefined && actual === undefined) continue
    compared++
    const expected = expectedOf(comparison, row)
    if (differenceOf(comparison, expected, actual, notes.forgive) !== null) suspects.add(key, expected)
  }
  return compared
}
