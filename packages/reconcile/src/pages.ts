import { type EntityStore, type Key, type KeyRange, keyText, type Stretch, traced } from '@twinspan/core'
import { assertCurrent, type Comparison, loadRows } from './comparison.ts'
import { differenceOf, type Expected, expectedOf } from './drift/verdict.ts'

/** A key that differs at first sight. */
export interface Sighting {
  readonly key: Key
  readonly expected: Expected
}

export interface ComparedPage {
  /** Rows of the primary in this page. */
  readonly rows: number
  readonly sightings: readonly Sighting[]
  /** How long the primary was at work for it, in milliseconds. */
  readonly primaryMs: number
  /** The last key of the page; `undefined` for the last page. */
  readonly through: Key | undefined
  /** Of the whole page, where both sides gave the same one at first sight. */
  readonly digest?: string | undefined
}

interface Entry {
  readonly key: Key
  readonly expected: Expected
}

const ABSENT: Expected = { row: null }

/**
 * Compares every row of the primary with its counterpart, and every row of the secondary with nothing to correspond to.
 *
 * Page by page in the primary's order; the secondary is read over the same stretch. Where the two sides order keys
 * differently, a stretch of one holds other keys than that of the other: whatever has no partner in its page is looked up by
 * key. The stretches follow one another without a gap from one open end to the other, so that every key of the secondary
 * lies in at least one of them, whatever its order.
 */
export async function* comparePages(
  comparison: Comparison,
  pageRows: number,
  from?: Key,
): AsyncGenerator<ComparedPage> {
  const { entity, primary } = comparison
  let after = from
  let reading = readPage(comparison, after, pageRows)
  for (;;) {
    const { rows, primaryMs } = await reading
    const last = rows.length < pageRows ? undefined : entity.keyOf(primary, rows.at(-1))
    // The next page is on its way while this one is compared.
    if (last !== undefined) {
      reading = readPage(comparison, last, pageRows)
      reading.catch(() => {})
    }
    const stretch = { after, through: last, limit: pageRows }
    yield {
      rows: rows.length,
      sightings: await traced('twinspan.reconcile.range', { 'twinspan.entity': entity.name }, () =>
        comparePage(comparison, rows, stretch),
      ),
      primaryMs,
      through: last,
    }
    if (last === undefined) return
    after = last
    assertCurrent(comparison)
  }
}

/** Compares the rows of a stretch that is known to be short on the primary. */
export async function compareStretch(
  comparison: Comparison,
  { after, through }: Stretch,
  limit: number,
): Promise<readonly Sighting[]> {
  const stretch = { after, through, limit }
  const { entity, primary } = comparison
  const rows: unknown[] = []
  for await (const page of rowsOf(entity[primary], (row) => entity.keyOf(primary, row), stretch)) rows.push(...page)
  return comparePage(comparison, rows, stretch)
}

async function readPage(
  { entity, migration, primary }: Comparison,
  after: Key | undefined,
  limit: number,
): Promise<{ readonly rows: readonly unknown[]; readonly primaryMs: number }> {
  const began = migration.now()
  const rows = await entity[primary].scan(after === undefined ? { limit } : { after, limit })
  return { rows, primaryMs: migration.now() - began }
}

interface Section {
  readonly after: Key | undefined
  readonly through: Key | undefined
  readonly limit: number
}

async function comparePage(
  comparison: Comparison,
  rows: readonly unknown[],
  stretch: Section,
): Promise<readonly Sighting[]> {
  const { entity, primary, secondary, exact, notes } = comparison
  await exact.read(primary, rows)
  const waiting = new Map<string, Entry>()
  for (const row of rows) {
    const key = entity.keyOf(primary, row)
    waiting.set(keyText(key), { key, expected: expectedOf(comparison, row) })
  }
  const sightings: Sighting[] = []
  const compare = (entry: Entry, actual: unknown): void => {
    if (differenceOf(comparison, entry.expected, actual, notes.forgive) !== null) sightings.push(entry)
  }

  for await (const held of rowsOf(entity[secondary], (row) => entity.keyOf(secondary, row), stretch)) {
    const strangers: Key[] = []
    await exact.read(secondary, held)
    for (const row of held) {
      const key = entity.keyOf(secondary, row)
      const entry = waiting.get(keyText(key))
      if (entry === undefined) strangers.push(key)
      else {
        waiting.delete(keyText(key))
        compare(entry, row)
      }
    }
    const elsewhere = await loadRows(comparison, primary, strangers)
    for (const key of strangers) {
      // Its primary row is compared in the page that it belongs to.
      if (!elsewhere.has(keyText(key))) sightings.push({ key, expected: ABSENT })
    }
  }

  const alone = Array.from(waiting.values())
  const found = await loadRows(
    comparison,
    secondary,
    alone.map(({ key }) => key),
  )
  for (const entry of alone) compare(entry, found.get(keyText(entry.key)))
  return sightings
}

/** The rows of a stretch, `limit` at a time. */
async function* rowsOf(
  store: EntityStore,
  keyOf: (row: unknown) => Key,
  { after, through, limit }: Section,
): AsyncGenerator<readonly unknown[]> {
  for (let from = after; ; ) {
    const range: KeyRange = {
      ...(from === undefined ? {} : { after: from }),
      ...(through === undefined ? {} : { through }),
      limit,
    }
    const rows = await store.scan(range)
    yield rows
    if (rows.length < limit) return
    from = keyOf(rows.at(-1))
  }
}
