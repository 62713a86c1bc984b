import { type Key, keyText } from '@twinspan/core'
import { type Comparison, loadRows } from '../comparison.ts'
import { type Difference, differenceOf, type Expected, expectedOf } from './verdict.ts'

/** What one look at a key saw. */
export interface Look {
  readonly expected: Expected
  readonly actual: unknown
  readonly difference: Difference | null
  /**
   * Whether the difference can be held against the secondary: the journal knew nothing of the key at a moment before and
   * after which the primary's row was the same, and the secondary was read after it. Had the key been in step at that
   * moment, it would have been so when the secondary was read.
   */
  readonly counts: boolean
  readonly primaryRow: unknown
}

/** Looks at keys on both sides, with the journal in hand. */
export async function lookAt(comparison: Comparison, keys: readonly Key[]): Promise<ReadonlyMap<string, Look>> {
  const { migration, entity, primary, secondary } = comparison
  const texts = keys.map(keyText)
  const before = await loadRows(comparison, primary, keys)
  const dirty = await migration.sides[primary].journal.dirty(entity.name, texts)
  const held = await loadRows(comparison, secondary, keys)

  const looks = new Map<string, Look>()
  const doubtful: Key[] = []
  for (const [at, text] of texts.entries()) {
    const primaryRow = before.get(text)
    const expected = expectedOf(comparison, primaryRow)
    const difference = differenceOf(comparison, expected, held.get(text))
    const counts = difference !== null && !dirty.has(text)
    if (counts) doubtful.push(keys[at] as Key)
    looks.set(text, { expected, actual: held.get(text), difference, counts, primaryRow })
  }

  const after = await loadRows(comparison, primary, doubtful)
  for (const text of doubtful.map(keyText)) {
    const look = looks.get(text)
    if (look === undefined || printOf(comparison, look.primaryRow) === printOf(comparison, after.get(text))) continue
    looks.set(text, { ...look, counts: false })
  }
  return looks
}

/** The text of a row and of what is known of it exactly. */
export function printOf({ exact }: Comparison, row: unknown): string {
  return fingerprint(row) + exact.print(row)
}

/** The text of a row as one driver hands it out, to tell whether it has changed between two reads. */
export function fingerprint(row: unknown): string {
  if (row === undefined) return ''
  return JSON.stringify(row, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
  })
}
