import { type CalibrateOptions, type Calibration, calibrate } from './calibrate.ts'
import { createDuplicates, type DuplicateCount } from './duplicates.ts'
import { type Limits, resolveLimits } from './limits.ts'
import { isTextStream, linesOf } from './lines.ts'
import { allSchemes } from './schemes/all.ts'
import type { CostParams, HashParams, Refusal, Scheme } from './schemes/scheme.ts'
import { readHash } from './verify-password.ts'

export interface InspectDumpOptions<Row> {
  /**
   * The hash in a row. Empty, null and undefined: an account without a password.
   *
   * @default the row itself
   */
  readonly hashOf?: (row: Row) => string | null | undefined
  /** What belongs to the hash and stands beside it in the row: `{ salt }`. */
  readonly paramsOf?: (row: Row) => HashParams | undefined
  /** @default allSchemes() */
  readonly schemes?: readonly Scheme[]
  readonly limits?: Partial<Limits>
  /** How a cost for new hashes is looked for, on the machine that this runs on. */
  readonly calibrate?: CalibrateOptions
  /** How long one verification takes. By default a dummy is verified, once for each cost that is common. */
  readonly measure?: (scheme: Scheme, params: CostParams) => Promise<number> | number
  readonly signal?: AbortSignal
}

export interface SchemeReport {
  readonly scheme: string
  readonly rows: number
  /** What its hashes cost, the commonest first; no more than eight. */
  readonly costs: readonly { readonly params: CostParams; readonly rows: number; readonly ms: number }[]
  /** To verify each of them once, on one core of this machine. */
  readonly cpuHours: number
  /** Rows whose very hash another row has: unsalted, or copied from one account to another. */
  readonly duplicates: number
}

export interface RefusedRows {
  readonly rows: number
  /** The numbers of the first ten, counted from 1. */
  readonly first: readonly number[]
}

export interface DumpReport {
  readonly rows: number
  /** Accounts without a password. */
  readonly empty: number
  /** By scheme, the commonest first. Every user of a scheme is one who has not migrated. */
  readonly schemes: readonly SchemeReport[]
  /** What no login will be verified against, and why. `cost` are cost bombs, or limits too tight. */
  readonly refused: Readonly<Record<Refusal, RefusedRows>>
  readonly duplicates: Omit<DuplicateCount, 'byScheme'>
  readonly cpuHours: number
  readonly suggested: Suggestion
}

/**
 * `wrap`: there are hashes that can be searched by the million a second; run `wrapInactive` first. `unsalted`: equal
 * passwords have equal hashes. `unsupported`, `ambiguous`: name a scheme for these rows, or their owners have to reset.
 * `bombs`: few rows ask for too much, look at who wrote them. `limits`: many do, raise the limits.
 */
export type Advice = 'wrap' | 'unsalted' | 'unsupported' | 'ambiguous' | 'malformed' | 'bombs' | 'limits'

export interface Suggestion {
  /** For `argon2id()`, as `calibrate` proposes it. */
  readonly hash: Calibration
  /** The schemes to name in `accepts`, in this order. */
  readonly accepts: readonly string[]
  readonly advice: readonly Advice[]
}

/** A shape of which there is no room to count more is counted with its scheme alone. */
const SHAPES = 1_024
const SHOWN = 8
const FIRST = 10
/** Below this a verification is no obstacle to a search. */
const FAST_MS = 1
/** Fewer rows that ask for too much are suspicious, more are the application's usual cost. */
const MANY = 0.01
const REFUSALS = ['malformed', 'unsupported', 'ambiguous', 'cost'] as const satisfies readonly Refusal[]

/**
 * What a table of hashes holds, before anybody logs in with one: reads a stream of rows, or of lines, once and in bounded
 * memory. Nothing of a hash is kept but fingerprints, and nothing of a row is in the report but its number.
 *
 * @throws InvalidOptionError, the signal's reason
 *
 * @example
 * ```ts
 * const report = await inspectDump(createReadStream('hashes.txt'))
 * ```
 */
export async function inspectDump<Row = string>(
  rows: AsyncIterable<Row> | Iterable<Row>,
  options: InspectDumpOptions<Row> = {},
): Promise<DumpReport> {
  const limits = resolveLimits(options.limits)
  const { schemes = allSchemes(), paramsOf, signal } = options
  const hashOf = options.hashOf ?? ((row: Row) => row as string)
  const source = (isTextStream(rows) ? linesOf(rows as AsyncIterable<string>) : rows) as AsyncIterable<Row>

  let count = 0
  let empty = 0
  const shapes = new Map<string, { readonly scheme: Scheme; readonly params: CostParams; rows: number }>()
  const refused = Object.fromEntries(REFUSALS.map((reason) => [reason, { rows: 0, first: [] as number[] }])) as Record<
    Refusal,
    { rows: number; first: number[] }
  >
  const duplicates = createDuplicates()

  for await (const row of source) {
    if (count++ % 1_024 === 0) signal?.throwIfAborted()
    const hash = hashOf(row)
    if (hash === null || hash === undefined || hash === '') {
      empty++
      continue
    }
    const read = readHash(hash, schemes, limits, paramsOf?.(row))
    if (!read.ok) {
      const refusal = refused[read.reason]
      refusal.rows++
      if (refusal.first.length < FIRST) refusal.first.push(count)
      continue
    }
    const { scheme, reading } = read
    duplicates.see(hash, scheme.name)
    const exact = `${scheme.name} ${JSON.stringify(reading.params)}`
    const name = shapes.has(exact) || shapes.size < SHAPES ? exact : scheme.name
    const shape = shapes.get(name) ?? { scheme, params: reading.params, rows: 0 }
    shape.rows++
    shapes.set(name, shape)
  }

  const { byScheme, ...all } = duplicates.count()
  const measure = options.measure ?? ((scheme: Scheme, params: CostParams) => timed(scheme, params, limits))
  const reports: SchemeReport[] = []
  for (const name of new Set([...shapes.values()].map(({ scheme }) => scheme.name))) {
    signal?.throwIfAborted()
    const own = [...shapes.values()].filter(({ scheme }) => scheme.name === name)
    reports.push(await reportOf(name, own, byScheme[name] ?? 0, measure))
  }
  reports.sort((a, b) => b.rows - a.rows)
  return {
    rows: count,
    empty,
    schemes: reports,
    refused,
    duplicates: all,
    cpuHours: reports.reduce((sum, { cpuHours }) => sum + cpuHours, 0),
    suggested: {
      hash: await calibrate(options.calibrate),
      accepts: reports.map(({ scheme }) => scheme).filter((name) => name !== 'argon2id'),
      advice: adviceOn(reports, refused, count),
    },
  }
}

async function reportOf(
  scheme: string,
  shapes: readonly { readonly scheme: Scheme; readonly params: CostParams; readonly rows: number }[],
  duplicates: number,
  measure: (scheme: Scheme, params: CostParams) => Promise<number> | number,
): Promise<SchemeReport> {
  const common = shapes.toSorted((a, b) => b.rows - a.rows).slice(0, SHOWN)
  const costs: { params: CostParams; rows: number; ms: number }[] = []
  for (const { scheme: one, params, rows } of common) costs.push({ params, rows, ms: await measure(one, params) })
  const rows = shapes.reduce((sum, one) => sum + one.rows, 0)
  const measured = costs.reduce((sum, one) => sum + one.rows, 0)
  const totalMs = costs.reduce((sum, one) => sum + one.rows * one.ms, 0) * (rows / measured)
  return { scheme, rows, costs, cpuHours: totalMs / 3_600_000, duplicates }
}

/** How often a fast verification is repeated, until it can be timed. */
const TIMED_MS = 2

async function timed(scheme: Scheme, params: CostParams, limits: Limits): Promise<number> {
  const reading = scheme.read(scheme.dummy(params), limits)
  if (!reading.ok) return 0
  const password = Buffer.from('inspectDump')
  // The first one pays for what is loaded and compiled.
  await reading.verify(password)
  const startedAt = performance.now()
  let times = 0
  do {
    await reading.verify(password)
    times++
  } while (performance.now() - startedAt < TIMED_MS)
  return (performance.now() - startedAt) / times
}

function adviceOn(reports: readonly SchemeReport[], refused: DumpReport['refused'], rows: number): readonly Advice[] {
  const advice: Advice[] = []
  if (reports.some(({ costs }) => costs.some(({ ms }) => ms < FAST_MS))) advice.push('wrap')
  if (reports.some(({ duplicates }) => duplicates > 0)) advice.push('unsalted')
  for (const reason of ['unsupported', 'ambiguous', 'malformed'] as const)
    if (refused[reason].rows > 0) advice.push(reason)
  if (refused.cost.rows > 0) advice.push(refused.cost.rows > rows * MANY ? 'limits' : 'bombs')
  return advice
}
