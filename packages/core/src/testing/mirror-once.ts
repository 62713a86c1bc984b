import { copyOptions } from '../copy-options.ts'
import { stripeOf } from '../key.ts'
import type { Migration } from '../migration.ts'
import { otherSide } from '../phases.ts'
import { translateRow } from '../translate.ts'

/**
 * The mirror's protocol in its barest form, for tests of what works beside a mirror: look at the journal, lock, read again,
 * copy, commit, remove what was seen. Returns how many rows of the journal that were; 0 when nothing was due.
 */
export async function mirrorOnce(
  { entities, sides, snapshot }: Migration,
  { limit = 1_000 }: { readonly limit?: number } = {},
): Promise<number> {
  const from = snapshot.plan.primary
  const to = otherSide(from)
  const seen = await sides[from].journal.read({ limit })
  if (seen.length === 0) return 0
  const stripes = [...new Set(seen.map((row) => stripeOf(row.key)))]
  await sides[to].copy({ stripes, epoch: snapshot.epoch }, async (copy) => {
    const options = copyOptions(copy)
    for (const entity of entities) {
      const texts = [...new Set(seen.filter((row) => row.entity === entity.name).map((row) => row.key))]
      if (texts.length === 0) continue
      const rows = await entity[from].load(texts.map((text) => entity.keyOfText(text)))
      const translated = rows.map((row) => translateRow(entity, from, row)).filter((row) => row !== null)
      const present = new Set(translated.map((row) => entity.keyTextOf(to, row)))
      const absent = texts.filter((text) => !present.has(text))
      await entity[to].remove(
        absent.map((text) => entity.keyOfText(text)),
        options,
      )
      await entity[to].save(translated, options)
    }
  })
  await sides[from].journal.remove(seen.map((row) => row.id))
  return seen.length
}
