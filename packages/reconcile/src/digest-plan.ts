import type { ColumnForms, DigestColumn, EntityStore, SideName } from '@twinspan/core'
import type { Comparison } from './comparison.ts'
import { differenceOf, expectedOf } from './verdict.ts'

/** How both sides name and write the columns that go into one digest. */
export type DigestPlan = Readonly<Record<SideName, readonly DigestColumn[]>>

/** Why rows have to be read instead. */
export type NoDigest = { readonly because: string }

/** Rows on which the declared columns are held against the translation. */
const PROBE_ROWS = 200

/**
 * Finds the forms in which both sides can write every column that the translation hands over. A digest must not say of two
 * rows that they agree when a comparison of their values would not, so whatever is in doubt is compared row by row.
 */
export async function planDigest(comparison: Comparison): Promise<DigestPlan | NoDigest> {
  const { entity, settings } = comparison
  const { columns } = entity
  if (columns === undefined) return { because: 'the entity names no columns' }
  const pairs = Object.entries(columns)
  const normalized = pairs.find(([legacy, target]) => legacy in settings.normalize || target in settings.normalize)
  if (normalized !== undefined) return { because: `column ${normalized[1]} is normalized before it is compared` }
  const forms = { legacy: await formsOf(entity.legacy), target: await formsOf(entity.target) }
  if (forms.legacy === undefined || forms.target === undefined) return { because: 'a store makes no digests' }

  const plan: Record<SideName, DigestColumn[]> = { legacy: [], target: [] }
  for (const [legacy, target] of pairs) {
    const [left, right] = [forms.legacy.get(legacy), forms.target.get(target)]
    const form = left?.forms.find((candidate) => right?.forms.includes(candidate))
    if (left === undefined || right === undefined || form === undefined) {
      return { because: `column ${target} has no form that both engines can write` }
    }
    const nullable = left.nullable || right.nullable
    plan.legacy.push({ name: legacy, form, nullable })
    plan.target.push({ name: target, form, nullable })
  }
  const wrong = await contradiction(comparison)
  return wrong === null ? plan : { because: `the translation does more with column ${wrong} than hand it over` }
}

async function formsOf(store: EntityStore): Promise<ReadonlyMap<string, ColumnForms> | undefined> {
  return store.digest === undefined || store.keyAt === undefined ? undefined : store.forms?.()
}

/** A column of which the translation says something else than the declaration, on the first rows. */
async function contradiction({ entity, primary, secondary, settings }: Comparison): Promise<string | null> {
  const rows = (await entity[primary].scan({ limit: PROBE_ROWS })) as readonly Readonly<Record<string, unknown>>[]
  for (const row of rows) {
    const declared: Record<string, unknown> = {}
    for (const [legacy, target] of Object.entries(entity.columns ?? {})) {
      const name = { legacy, target }
      declared[name[secondary]] = row[name[primary]]
    }
    const expected = expectedOf(entity, primary, row)
    if ('error' in expected || expected.row === null) return entity.name
    const unnamed = Object.keys(expected.row).find((name) => !(name in declared) && expected.row?.[name] !== undefined)
    const difference = differenceOf(expected, declared, settings.normalize)
    if (unnamed !== undefined || difference !== null) return unnamed ?? difference?.fields[0]?.name ?? entity.name
  }
  return null
}
