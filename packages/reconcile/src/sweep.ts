import {
  type DriftPattern,
  type Entity,
  InvalidOptionError,
  type Json,
  type Key,
  keyText,
  type Migration,
  numberOption,
  type SweepRecord,
  sweepDocument,
} from '@twinspan/core'
import { assertCurrent, begin, type Comparison } from './comparison.ts'
import { planSweep } from './digests/digest-plan.ts'
import { createEvidence } from './digests/evidence.ts'
import { batchesAtOnce, compareLeaves } from './digests/leaves.ts'
import { fileDrift } from './drift/file-drift.ts'
import type { Finding } from './drift/finding.ts'
import { forgetOthers, openFindings } from './drift/findings.ts'
import { createPatterns } from './drift/patterns.ts'
import { createPlaces } from './drift/places.ts'
import { createRepair } from './drift/repair.ts'
import { createSuspects, type Drift } from './drift/suspects.ts'
import { remarksOf } from './notes.ts'
import { type CompareOptions, type CompareSettings, compareSettings } from './options.ts'
import { comparePages } from './pages.ts'
import { pause } from './pause.ts'
import { rawColumns } from './raw.ts'
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
   * remainder; when the primary becomes slower, so does the sweep. With 1 both sides are asked for
   * several things at once, with less for one thing after the other.
   *
   * @default 0.2
   */
  readonly maxPrimaryLoad?: number
  /**
   * Remembers from now on which keys change, in the primary's database and in all processes, so that `resweep` need not read
   * the rest again. Costs the mirror, and no user, one more write for each batch.
   *
   * @default false
   */
  readonly trackChanges?: boolean
  /**
   * Compares columns of both stores as they are, without the application's translation, and so finds what the translation
   * itself does wrongly. `true` for the entity's `columns`, or legacy column → target column. Rows that the translation declines
   * are missing then. Repairs nothing, and opens no gate of the switch: its record and its findings are kept apart.
   *
   * @default false
   */
  readonly raw?: boolean | Readonly<Record<string, string>>
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
  const { settings, work } = settingsOfSweep(migration, entity, options)
  return run(() => begin(migration, entity, settings), work)
}

/** The options with their defaults. Throws an `InvalidOptionError` that names the option. */
export function settingsOfSweep(
  migration: Migration,
  entity: Entity,
  options: SweepOptions,
): { readonly settings: CompareSettings; readonly work: Work } {
  const settings = compareSettings(options)
  const pageRows = numberOption('pageRows', options.pageRows, 2_000, { min: 1, integer: true })
  const maxRepairs = numberOption('maxRepairs', options.maxRepairs, 10_000, { min: 0, integer: true })
  if (!migration.entities.some((known) => known.name === entity.name)) {
    throw new InvalidOptionError('entity', entity.name, `an entity of migration "${migration.name}"`)
  }
  const raw = rawColumns(entity, options.raw, options.repair)
  const maxPrimaryLoad = numberOption('maxPrimaryLoad', options.maxPrimaryLoad, 0.2, { min: 0.001, max: 1 })
  const onProgress = options.onProgress ?? (() => {})
  const work = {
    pageRows,
    byDigest: options.digests ?? true,
    tracks: options.trackChanges === true,
    maxPrimaryLoad,
    maxRepairs: options.repair === true ? maxRepairs : 0,
    onProgress,
  }
  return { settings: { ...settings, raw }, work }
}

/** How a sweep goes about it. */
export interface Work {
  readonly pageRows: number
  readonly byDigest: boolean
  readonly tracks: boolean
  readonly maxPrimaryLoad: number
  readonly maxRepairs: number
  readonly onProgress: (progress: ProgressOfSweep) => void
}

/** What a sweep, or one that looked at a part of the keys, has found. */
export interface Compared extends Tally {
  readonly patterns: readonly DriftPattern[]
  readonly places: readonly number[]
  /** Of everything, where both sides gave the same digest of every leaf at once. */
  readonly digest?: string | undefined
  /** The subjects of the findings that are stored. */
  readonly subjects: ReadonlySet<string>
}

async function* run(start: () => Comparison, work: Work): AsyncGenerator<Finding, SweepRecord> {
  const comparison = start()
  const startedAt = comparison.migration.now()
  const compared = yield* compareAll(comparison, work)
  await forgetOthers(comparison, compared.subjects)
  const record = recordOf(comparison, startedAt, compared)
  await comparison.migration.store.putDocument(documentOf(comparison), record as unknown as Json)
  if (work.tracks) await endTracking(comparison, compared.rows)
  announce(comparison, record)
  return record
}

/** Where a sweep's record is kept: one that did not look at the translation says nothing to those who ask for that. */
function documentOf({ entity, settings }: Comparison): string {
  return settings.raw === undefined ? sweepDocument(entity.name) : `raw-${sweepDocument(entity.name)}`
}

/**
 * Compares every row after `from` of both sides, and settles what differs.
 *
 * @param from the last key that is left out
 */
export async function* compareAll(comparison: Comparison, work: Work, from?: Key): AsyncGenerator<Finding, Compared> {
  const { migration, entity } = comparison
  const { pageRows, byDigest, tracks, maxPrimaryLoad, maxRepairs, onProgress } = work
  const repair = createRepair(comparison, maxRepairs)
  const book = await openFindings(comparison)
  const suspects = createSuspects(comparison)
  const patterns = createPatterns()
  const places = createPlaces()
  // By how many rows lay before it; no more of them than keys under watch.
  const seenAt = new Map<string, number>()
  const evidence = createEvidence()
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
  const plan = await planSweep(comparison, byDigest)
  const start = { pageRows, atOnce: batchesAtOnce(maxPrimaryLoad), ...(from === undefined ? {} : { from }) }
  const pages = 'because' in plan ? comparePages(comparison, pageRows, from) : compareLeaves(comparison, plan, start)
  let began = migration.now()
  for await (const page of pages) {
    for (const { key, expected } of page.sightings) {
      suspects.add(key, expected)
      seenAt.set(keyText(key), tally.rows)
    }
    tally.rows += page.rows
    evidence.add(page)
    yield* await settle(await suspects.due())
    while (suspects.size > MOST_SUSPECTS) yield* await settle(await suspects.next())
    const { readsRowsBecause } = comparison.notes
    onProgress({ entity: entity.name, rows: tally.rows, readsRowsBecause, suspects: suspects.size, drift: tally.drift })
    await pause(comparison, page.primaryMs / maxPrimaryLoad - (migration.now() - began))
    began = migration.now()
  }
  while (suspects.size > 0) yield* await settle(await suspects.next())
  const repaired = await repair.verify()
  await book.settle(repaired)
  assertCurrent(comparison)
  return {
    ...tally,
    undecided: suspects.undecided,
    repaired: repaired.length,
    patterns: patterns.found,
    places: places.upTo(tally.rows),
    digest: evidence.digest,
    subjects: book.subjects,
  }
}

/** Tells the migration's listeners of a complete sweep. */
export function announce({ migration, entity }: Comparison, { rows, drift, parity }: SweepRecord): void {
  migration.events.emit({ type: 'compared', entity: entity.name, compared: rows, mismatched: drift, parity })
}

export interface Tally {
  readonly rows: number
  readonly extra: number
  readonly drift: number
  readonly undecided: number
  readonly repaired: number
}

/** The record of a complete sweep. */
export function recordOf(
  { migration, entity, primary, epoch, incarnation, settings, notes }: Comparison,
  startedAt: number,
  compared: Omit<Compared, 'subjects' | 'digest'> & { readonly digest?: string | undefined },
): SweepRecord {
  const { drift, undecided, repaired, patterns, places, digest } = compared
  const rows = compared.rows + compared.extra
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
    ...(drift === 0 ? {} : { patterns, places }),
    ...(digest === undefined ? {} : { digest }),
    ...(settings.raw === undefined ? {} : { raw: true }),
    ...remarksOf(notes),
  }
}
