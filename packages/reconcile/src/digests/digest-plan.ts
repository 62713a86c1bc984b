import {
  type CanonicalForm,
  type ColumnForms,
  type DigestColumn,
  type EntityStore,
  InvalidOptionError,
  type SideName,
} from '@twinspan/core'
import type { Comparison } from '../comparison.ts'
import { differenceOf, expectedOf } from '../drift/verdict.ts'
import type { ExactColumn } from '../values/exact.ts'
import { troubleWith } from './self-test.ts'

/** How both sides name and write the columns that go into one digest. */
export type DigestPlan = Readonly<Record<SideName, readonly DigestColumn[]>>

/** Why rows have to be read instead. */
export type NoDigest = { readonly because: string }

/** Rows on which the declared columns are held against the translation. */
const PROBE_ROWS = 200

/**
 * Finds the forms in which both sides can write every column that the translation hands over, and tries them. A digest must not
 * say of two rows that they agree when a comparison of their values would not, so whatever is in doubt is compared row by row.
 *
 * Columns that have a form are read in it from now on, where rows are read.
 */
export async function planDigest(comparison: Comparison): Promise<DigestPlan | NoDigest> {
  const { columns, because } = await planColumns(comparison)
  comparison.exact.use(columns)
  if (because !== undefined) return { because }
  const { normalize, raw } = comparison.settings
  const normalized = columns.find(({ legacy, target }) => legacy in normalize || target in normalize)
  if (normalized !== undefined) return { because: `column ${normalized.target} is normalized before it is compared` }
  const wrong = raw === undefined ? await contradiction(comparison) : null
  if (wrong !== null) return { because: `the translation does more with column ${wrong} than hand it over` }
  return {
    legacy: columns.map(({ legacy, target: _, ...column }) => ({ name: legacy, ...column })),
    target: columns.map(({ target, legacy: _, ...column }) => ({ name: target, ...column })),
  }
}

/** Has the columns that both sides can write in one form read in it from now on, where no digests are made. */
export async function readExactly(comparison: Comparison): Promise<void> {
  comparison.exact.use((await planColumns(comparison)).columns)
}

/** The plan of a sweep, with what there is to say of it noted. */
export async function planSweep(comparison: Comparison, byDigest: boolean): Promise<DigestPlan | NoDigest> {
  const found = await planDigest(comparison)
  const plan = byDigest ? found : { because: 'the caller wants every row read' }
  if ('because' in plan) comparison.notes.readRows(plan.because)
  return plan
}

/** The columns that both sides can write in one form, and why a digest of them would not be one of the row. */
async function planColumns({
  migration,
  entity,
  settings,
  notes,
}: Comparison): Promise<{ readonly columns: readonly ExactColumn[]; readonly because?: string }> {
  const pairs = Object.entries(settings.raw ?? entity.columns ?? {})
  if (pairs.length === 0) return { columns: [], because: 'the entity names no columns' }
  const forms = { legacy: await formsOf(entity.legacy), target: await formsOf(entity.target) }
  if (forms.legacy === undefined || forms.target === undefined)
    return { columns: [], because: 'a store makes no digests' }

  if (settings.raw !== undefined) requireColumns(settings.raw, forms.legacy, forms.target)
  const wanted = pairs.map(([legacy, target]) => {
    const [left, right] = [forms.legacy?.get(legacy), forms.target?.get(target)]
    const nullable = (left?.nullable ?? true) || (right?.nullable ?? true)
    return sharedForms(left, right).flatMap((form): ExactColumn[] => {
      const scale = form === 'decimal' && left?.scale === right?.scale ? left?.scale : undefined
      const column = { legacy, target, form, nullable, ...(scale === undefined ? {} : { scale }) }
      const asBits = form === 'double' && left?.bits === true && right?.bits === true
      return asBits ? [{ ...column, bits: true }, column] : [column]
    })
  })
  const best = wanted.flatMap(([first]) => (first === undefined ? [] : [first]))
  if (best.length === pairs.length && (await troubleWith(migration, entity, best)) === undefined)
    return { columns: best }

  const columns: ExactColumn[] = []
  let because: string | undefined
  for (const [at, candidates] of wanted.entries()) {
    let trouble = 'has no form that both engines can write'
    let found: ExactColumn | undefined
    for (const column of candidates) {
      const reason = await troubleWith(migration, entity, [column])
      if (reason === undefined) {
        found = column
        break
      }
      trouble = `is not written alike by both engines: ${reason}`
      // Bits are a short way to what the next candidate writes as well.
      if (column.bits !== true) notes.warn(`column ${column.target} ${trouble}`)
    }
    if (found === undefined) because ??= `column ${pairs[at]?.[1]} ${trouble}`
    else columns.push(found)
  }
  if (because !== undefined) return { columns, because }
  const reason = await troubleWith(migration, entity, columns)
  if (reason === undefined) return { columns }
  notes.warn(`no digests are made: ${reason}`)
  return { columns: [], because: `digests failed their test: ${reason}` }
}

/** A column that neither side has would be the same on both. */
function requireColumns(
  raw: Readonly<Record<string, string>>,
  legacy: ReadonlyMap<string, ColumnForms>,
  target: ReadonlyMap<string, ColumnForms>,
): void {
  for (const [from, to] of Object.entries(raw)) {
    const isKnown = (forms: ReadonlyMap<string, ColumnForms>, name: string): boolean =>
      forms.size === 0 || forms.has(name)
    if (!isKnown(legacy, from)) throw new InvalidOptionError('raw', from, 'a column of legacy')
    if (!isKnown(target, to)) throw new InvalidOptionError('raw', to, 'a column of target')
  }
}

async function formsOf(store: EntityStore): Promise<ReadonlyMap<string, ColumnForms> | undefined> {
  return store.digest === undefined || store.keyAt === undefined ? undefined : store.forms?.()
}

function sharedForms(left: ColumnForms | undefined, right: ColumnForms | undefined): readonly CanonicalForm[] {
  return left?.forms.filter((candidate) => right?.forms.includes(candidate)) ?? []
}

/** A column of which the translation says something else than the declaration, on the first rows. */
async function contradiction(comparison: Comparison): Promise<string | null> {
  const { entity, primary, secondary } = comparison
  const rows = (await entity[primary].scan({ limit: PROBE_ROWS })) as readonly Readonly<Record<string, unknown>>[]
  for (const row of rows) {
    const declared: Record<string, unknown> = {}
    for (const [legacy, target] of Object.entries(entity.columns ?? {})) {
      const name = { legacy, target }
      declared[name[secondary]] = row[name[primary]]
    }
    const expected = expectedOf(comparison, row)
    if ('error' in expected || expected.row === null) return entity.name
    const unnamed = Object.keys(expected.row).find((name) => !(name in declared) && expected.row?.[name] !== undefined)
    const difference = differenceOf(comparison, expected, declared)
    if (unnamed !== undefined || difference !== null) return unnamed ?? difference?.fields[0]?.name ?? entity.name
  }
  return null
}
