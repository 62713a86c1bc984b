import {
  type ChangedKey,
  type Entity,
  InvalidOptionError,
  type Json,
  type Key,
  keyFromJson,
  keyText,
  keyToJson,
  type Migration,
  numberOption,
  type SideName,
} from '@twinspan/core'
import { assertCurrent, begin, type Comparison } from './comparison.ts'
import { planDigest, readExactly } from './digests/digest-plan.ts'
import { batchesAtOnce, compareLeaves } from './digests/leaves.ts'
import { fileDrift } from './drift/file-drift.ts'
import type { Finding } from './drift/finding.ts'
import { openFindings } from './drift/findings.ts'
import { createRepair } from './drift/repair.ts'
import { createSuspects, type Drift } from './drift/suspects.ts'
import { type CompareOptions, compareSettings } from './options.ts'
import { comparePages } from './pages.ts'
import { pause } from './pause.ts'
import { changesOf, readTracked, type Tracked } from './tracking.ts'
import { compareKeys } from './values/compare-keys.ts'

export interface ResweepOptions extends CompareOptions {
  /** Hands every key that drifted to the mirror and looks at it again at the end. @default false */
  readonly repair?: boolean
  /** The most keys that are handed to the mirror. @default 10_000 */
  readonly maxRepairs?: number
  /**
   * Besides what changed, this share of the rows is compared, another one each time: for changes that nothing captured.
   *
   * @default 0.05
   */
  readonly rotation?: number
  /**
   * The share of the wall time, above 0 and up to 1, in which the primary may be busy with this, as of a sweep.
   *
   * @default 0.2
   */
  readonly maxPrimaryLoad?: number
}

/** What a resweep found. It says nothing of rows that it did not look at. */
export interface ResweepRecord {
  readonly entity: string
  readonly primary: SideName
  /** Keys that changed since the last sweep or resweep. */
  readonly changed: number
  /** Rows of the primary that were compared in their turn. */
  readonly rotated: number
  readonly drift: number
  readonly undecided: number
  readonly repaired: number
}

const AT_ONCE = 1_000
const PAGE_ROWS = 2_000

/**
 * Compares what changed since the last complete sweep, and a share of the rest. Needs a sweep with `trackChanges` before it.
 *
 * @throws InvalidOptionError without one; like `sweep` otherwise
 */
export async function* resweep(
  migration: Migration,
  entity: Entity,
  options: ResweepOptions = {},
): AsyncGenerator<Finding, ResweepRecord> {
  const settings = compareSettings(options)
  const maxRepairs = numberOption('maxRepairs', options.maxRepairs, 10_000, { min: 0, integer: true })
  const rotation = numberOption('rotation', options.rotation, 0.05, { min: 0, max: 1 })
  const maxPrimaryLoad = numberOption('maxPrimaryLoad', options.maxPrimaryLoad, 0.2, { min: 0.001, max: 1 })
  const comparison = begin(migration, entity, settings)
  const tracked = await readTracked(comparison)
  if (tracked === undefined) {
    throw new InvalidOptionError(
      'trackChanges',
      false,
      'true in a complete sweep before this',
      `entity "${entity.name}"`,
    )
  }
  const repair = createRepair(comparison, options.repair === true ? maxRepairs : 0)
  const book = await openFindings(comparison)
  const suspects = createSuspects(comparison)
  const drifted = new Set<string>()
  const settle = async (drifts: readonly Drift[]): Promise<readonly Finding[]> => {
    for (const { key } of drifts) drifted.add(keyText(key))
    return fileDrift(drifts, repair, book)
  }

  await readExactly(comparison)
  const changed: ChangedKey[] = []
  for await (const changes of pagesOfChanges(comparison)) {
    const began = migration.now()
    const keys = changes.map(({ key }) => entity.keyOfText(key))
    await compareKeys(comparison, keys, suspects)
    changed.push(...changes)
    yield* await settle(await suspects.due())
    assertCurrent(comparison)
    const ms = migration.now() - began
    await pause(comparison, ms / maxPrimaryLoad - ms)
  }
  let rotated = 0
  let began = migration.now()
  for await (const page of nextShare(comparison, tracked, rotation, maxPrimaryLoad)) {
    rotated += page.rows
    for (const { key, expected } of page.sightings) suspects.add(key, expected)
    yield* await settle(await suspects.due())
    await pause(comparison, page.primaryMs / maxPrimaryLoad - (migration.now() - began))
    began = migration.now()
  }
  while (suspects.size > 0) yield* await settle(await suspects.next())
  const repaired = await repair.verify()
  await book.settle(repaired)
  assertCurrent(comparison)
  // What drifted, or never stood still, is looked at again next time.
  const settled = changed.filter(({ key }) => !drifted.has(key) && !suspects.undecidedKeys.has(key))
  for (let from = 0; from < settled.length; from += AT_ONCE) {
    await changesOf(comparison)?.forget(entity.name, settled.slice(from, from + AT_ONCE))
  }
  return {
    entity: entity.name,
    primary: comparison.primary,
    changed: changed.length,
    rotated,
    drift: drifted.size,
    undecided: suspects.undecided,
    repaired: repaired.length,
  }
}

async function* pagesOfChanges(comparison: Comparison): AsyncGenerator<readonly ChangedKey[]> {
  const log = changesOf(comparison)
  if (log === undefined) return
  for (let after: ChangedKey | undefined; ; ) {
    const page = await log.read(comparison.entity.name, { limit: AT_ONCE, ...(after === undefined ? {} : { after }) })
    if (page.length > 0) yield page
    if (page.length < AT_ONCE) return
    after = page.at(-1)
  }
}

/** The share of all rows whose turn it is. */
async function* nextShare(
  comparison: Comparison,
  { rows }: Tracked,
  share: number,
  maxPrimaryLoad: number,
): ReturnType<typeof comparePages> {
  const { migration, entity } = comparison
  if (share === 0) return
  const document = `rotation:${entity.name}`
  const stored = await migration.store.getDocument(document)
  const from = stored === undefined ? null : keyFromJson(stored.value)
  const plan = await planDigest(comparison)
  const start = from === null ? {} : { from }
  const pages =
    'because' in plan
      ? comparePages(comparison, PAGE_ROWS, start.from)
      : compareLeaves(comparison, plan, {
          pageRows: PAGE_ROWS,
          atOnce: batchesAtOnce(maxPrimaryLoad),
          mostRows: Math.max(1, rows * share),
          ...start,
        })
  let seen = 0
  let through: Key | undefined
  for await (const page of pages) {
    yield page
    seen += page.rows
    through = page.through
    if (seen >= rows * share) break
  }
  await migration.store.putDocument(document, keyToJson(through ?? null) as Json)
}
