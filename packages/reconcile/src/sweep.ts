import {
  type Entity,
  InvalidOptionError,
  type Json,
  keyText,
  type Migration,
  numberOption,
  type SweepRecord,
  sweepDocument,
} from '@twinspan/core'
import { assertCurrent, begin, type Comparison } from './comparison.ts'
import { planDigest } from './digest-plan.ts'
import { fileDrift } from './file-drift.ts'
import type { Finding } from './finding.ts'
import { openFindings } from './findings.ts'
import { compareLeaves } from './leaves.ts'
import { type CompareOptions, compareSettings } from './options.ts'
import { comparePages } from './pages.ts'
import { createPatterns } from './patterns.ts'
import { pause } from './pause.ts'
import { createPlaces } from './places.ts'
import { createRepair } from './repair.ts'
import { createSuspects, type Drift } from './suspects.ts'
import { beginTracking, endTracking } from './tracking.ts'

export interface SweepOptions extends CompareOptions {
  /**
   * Hands every key that drifted to the mirror and looks at it again at the end. Needs a phase with a mirror, and a mirror.
   *
   * @default false
   */
  readonly repair?: boolean
  /**
   * The most keys that are handed to the mirror. More than that is no drift to be mended row by row.
   *
   * @default 10_000
   */
  readonly maxRepairs?: number
  /**
   * Rows that are read at once from either side, and so what bounds the memory, where rows are read.
   *
   * @default 2_000
   */
  readonly pageRows?: number
  /**
   * Lets the databases make digests of many rows at once, and reads rows only where two digests differ. Needs an entity that
   * names its `columns`; without them, or where the engines cannot write a column alike, every row is read as with `false`.
   *
   * @default true
   */
  readonly digests?: boolean
  /**
   * The share of the wall time, above 0 and up to 1, in which the primary may be busy with this sweep. It rests for the
   * remainder; when the primary becomes slower, so does the sweep.
   *
   * @default 0.5
   */
  readonly maxPrimaryLoad?: number
  /**
   * Remembers from now on which keys change, in the primary's database and in all processes, so that `resweep` need not read
   * the rest again. Costs the mirror, and no user, one more write for each batch.
   *
   * @default false
   */
  readonly trackChanges?: boolean
  /** Told after every page. */
  readonly onProgress?: (progress: ProgressOfSweep) => void
}

export interface ProgressOfSweep {
  readonly entity: string
  /** Rows of the primary compared so far. */
  readonly rows: number
  /** Why every row is read, where that is so. */
  readonly readsRowsBecause: string | undefined
  /** Keys under watch: they differed at first sight. */
  readonly suspects: number
  readonly drift: number
}

/** How many keys may be under watch before the sweep waits for them: what bounds the memory when everything differs. */
const MOST_SUSPECTS = 5_000

/**
 * Compares every row of both sides, both ways, while they are in use. Yields each key that drifted as soon as that is certain.
 *
 * A sweep that comes to its end returns its record, and stores it for the gates of the switch.
 *
 * @throws StalePhaseError when the primary changes meanwhile; PhaseRefusedError for `repair` in a phase without a mirror; the
 * signal's reason when it aborts. Nothing is recorded then.
 */
export function sweep(
  migration: Migration,
  entity: Entity,
  options: SweepOptions = {},
): AsyncGenerator<Finding, SweepRecord> {
  const settings = compareSettings(options)
  const pageRows = numberOption('pageRows', options.pageRows, 2_000, { min: 1, integer: true })
  const maxRepairs = numberOption('maxRepairs', options.maxRepairs, 10_000, { min: 0, integer: true })
  if (!migration.entities.some((known) => known.name === entity.name)) {
    throw new InvalidOptionError('entity', entity.name, `an entity of migration "${migration.name}"`)
  }
  const maxPrimaryLoad = numberOption('maxPrimaryLoad', options.maxPrimaryLoad, 0.5, { min: 0.001, max: 1 })
  const onProgress = options.onProgress ?? (() => {})
  return run(() => begin(migration, entity, settings), {
    pageRows,
    byDigest: options.digests ?? true,
    tracks: options.trackChanges === true,
    maxPrimaryLoad,
    maxRepairs: options.repair === true ? maxRepairs : 0,
    onProgress,
  })
}

interface Work {
  readonly pageRows: number
  readonly byDigest: boolean
  readonly tracks: boolean
  readonly maxPrimaryLoad: number
  readonly maxRepairs: number
  readonly onProgress: (progress: ProgressOfSweep) => void
}

async function* run(
  start: () => Comparison,
  { pageRows, byDigest, tracks, maxPrimaryLoad, maxRepairs, onProgress }: Work,
): AsyncGenerator<Finding, SweepRecord> {
  const comparison = start()
  const { migration, entity } = comparison
  const startedAt = migration.now()
  const repair = createRepair(comparison, maxRepairs)
  const book = await openFindings(comparison)
  const suspects = createSuspects(comparison)
  const patterns = createPatterns()
  const places = createPlaces()
  // By how many rows lay before it; no more of them than keys under watch.
  const seenAt = new Map<string, number>()
  const tally = { rows: 0, extra: 0, drift: 0 }

  const settle = async (drifts: readonly Drift[]): Promise<readonly Finding[]> => {
    const findings = await fileDrift(drifts, repair, book)
    tally.drift += findings.length
    for (const drift of drifts) {
      patterns.add(drift)
      places.count(seenAt.get(keyText(drift.key)) ?? tally.rows)
    }
    if (suspects.size === 0) seenAt.clear()
    tally.extra += drifts.filter(({ look }) => look.primaryRow === undefined).length
    return findings
  }

  if (tracks) await beginTracking(comparison)
  const plan = byDigest ? await planDigest(comparison) : { because: 'the caller wants every row read' }
  const pages = 'because' in plan ? comparePages(comparison, pageRows) : compareLeaves(comparison, plan, pageRows)
  let began = migration.now()
  for await (const page of pages) {
    for (const { key, expected } of page.sightings) {
      suspects.add(key, expected)
      seenAt.set(keyText(key), tally.rows)
    }
    tally.rows += page.rows
    yield* await settle(await suspects.due())
    while (suspects.size > MOST_SUSPECTS) yield* await settle(await suspects.next())
    const readsRowsBecause = 'because' in plan ? plan.because : undefined
    onProgress({ entity: entity.name, rows: tally.rows, readsRowsBecause, suspects: suspects.size, drift: tally.drift })
    await pause(comparison, page.primaryMs / maxPrimaryLoad - (migration.now() - began))
    began = migration.now()
  }
  while (suspects.size > 0) yield* await settle(await suspects.next())
  const repaired = await repair.verify()
  await book.settle(repaired)
  assertCurrent(comparison)
  await book.forgetOthers()

  const record: SweepRecord = {
    ...recordOf(comparison, startedAt, { ...tally, undecided: suspects.undecided, repaired: repaired.length }),
    ...(tally.drift === 0 ? {} : { patterns: patterns.found, places: places.upTo(tally.rows) }),
  }
  await migration.store.putDocument(sweepDocument(entity.name), record as unknown as Json)
  if (tracks) await endTracking(comparison, tally.rows)
  const { rows: compared, drift: mismatched, parity } = record
  migration.events.emit({ type: 'compared', entity: entity.name, compared, mismatched, parity })
  return record
}

interface Tally {
  readonly rows: number
  readonly extra: number
  readonly drift: number
  readonly undecided: number
  readonly repaired: number
}

function recordOf(comparison: Comparison, startedAt: number, tally: Tally): SweepRecord {
  const { migration, entity, primary, epoch, incarnation } = comparison
  const { drift, undecided, repaired } = tally
  const rows = tally.rows + tally.extra
  const share = (bad: number): number => (rows === 0 ? 1 : Math.max(0, (rows - bad) / rows))
  return {
    entity: entity.name,
    incarnation,
    epoch,
    primary,
    startedAt,
    finishedAt: migration.now(),
    rows,
    drift,
    undecided,
    repaired,
    parity: share(drift),
    lowerBound95: share(drift + undecided),
  }
}
