import { type Entity, InvalidOptionError, type Key, type Migration, numberOption } from '@twinspan/core'
import { assertCurrent, begin, type Comparison } from '../comparison.ts'
import { readExactly } from '../digests/digest-plan.ts'
import type { Finding } from '../drift/finding.ts'
import { openFindings } from '../drift/findings.ts'
import { createSuspects, type Drift } from '../drift/suspects.ts'
import { type CompareOptions, compareSettings } from '../options.ts'
import { compareKeys } from '../values/compare-keys.ts'
import { lowerBound } from './bounds.ts'
import { type Drawn, drawByProbe, drawByScan } from './draw.ts'
import { sequentialVerdict, type Verdict } from './sequential.ts'

export interface SampleOptions extends CompareOptions {
  /**
   * How many keys to compare. 29,956 clean comparisons are what it takes to claim 99.99 % parity at 95 % confidence.
   *
   * @default 30_000
   */
  readonly size?: number
  /**
   * How keys are drawn. `'scan'`: by one pass over the keys of both sides, for any key. `'probe'`: by random look-ups, for
   * integer keys without many gaps on sides that know their largest.
   *
   * @default `'probe'` where it is possible and the table is large, else `'scan'`
   */
  readonly draw?: 'scan' | 'probe'
  /**
   * `'fixed'` compares all `size` keys. `'sequential'` takes them one batch after the other, in random order, and stops as soon
   * as Wald's test knows: for the usual question whether so few are wrong as 1 in 100,000 or so many as 1 in 10,000, after
   * 32,715 clean keys at the earliest. Its verdict is in the result; ask for a `size` of 100,000 or more.
   *
   * @default 'fixed'
   */
  readonly plan?: 'fixed' | 'sequential'
  /** Gives numbers from 0 to below 1. @default Math.random */
  readonly random?: () => number
}

/** What a random sample says. For the whole truth there is `sweep`. */
export interface SampleResult {
  readonly entity: string
  /** Keys that were compared; fewer than asked for when there are no more. */
  readonly compared: number
  readonly mismatched: number
  /** Keys that changed or were dirty for as long as they were watched. The bound counts them as different. */
  readonly undecided: number
  /** The share of compared keys that did not differ. */
  readonly parity: number
  /** The parity of all keys is at least this, at 95 % confidence: an exact bound, one-sided. */
  readonly lowerBound95: number
  /** What the sequential test says; `undefined` for a fixed sample. `'open'`: `size` keys were not enough. */
  readonly verdict: Verdict | undefined
  /** How many keys there are, where that is known. */
  readonly population: number | undefined
  readonly findings: readonly Finding[]
}

const LOAD_AT_ONCE = 1_000

/** From here on looking up random keys is cheaper than a pass over all of them. */
const LARGE = { rows: 500_000, timesSize: 20 }

/**
 * Compares a random sample of the keys that either side has, while both are in use. What differs is looked at again before it
 * counts. Changes nothing.
 *
 * A sample that failed is no reason to draw another until one passes: that is not what its bound means.
 */
export async function sample(migration: Migration, entity: Entity, options: SampleOptions = {}): Promise<SampleResult> {
  const settings = compareSettings(options)
  const size = numberOption('size', options.size, 30_000, { min: 1, integer: true })
  const { draw, plan = 'fixed', random = Math.random } = options
  if (plan !== 'fixed' && plan !== 'sequential') {
    throw new InvalidOptionError('plan', plan, "'fixed' or 'sequential'")
  }
  if (draw !== undefined && draw !== 'scan' && draw !== 'probe') {
    throw new InvalidOptionError('draw', draw, "'scan' or 'probe'")
  }
  const comparison = begin(migration, entity, settings)
  assertCurrent(comparison)
  await readExactly(comparison)
  const drawn = await drawKeys(comparison, size, draw, random)
  const { compared, drifts, undecided } = await compareAll(
    comparison,
    plan === 'fixed' ? drawn.keys : shuffled(drawn.keys, random),
    plan,
  )

  const book = await openFindings(comparison)
  const findings = drifts.map((drift) => book.finding(drift, false))
  const mismatched = drifts.length
  const parity = compared === 0 ? 1 : (compared - mismatched) / compared
  const { population } = drawn
  const evidence = { compared, mismatched: mismatched + undecided, ...(population === undefined ? {} : { population }) }
  migration.events.emit({ type: 'compared', entity: entity.name, compared, mismatched, parity })
  return {
    entity: entity.name,
    compared,
    mismatched,
    undecided,
    parity,
    lowerBound95: lowerBound(evidence),
    verdict: plan === 'fixed' ? undefined : sequentialVerdict(evidence),
    population,
    findings,
  }
}

async function drawKeys(
  comparison: Comparison,
  size: number,
  draw: SampleOptions['draw'],
  random: () => number,
): Promise<Drawn> {
  const wanted = draw ?? ((await isLarge(comparison, size)) ? 'probe' : 'scan')
  const probed = wanted === 'probe' ? await drawByProbe(comparison, size, random) : undefined
  if (probed === undefined && draw === 'probe') {
    throw new InvalidOptionError('draw', draw, "'scan': the keys are no integers, or lie too far apart")
  }
  return probed ?? drawByScan(comparison, size, random)
}

async function isLarge({ entity, primary }: Comparison, size: number): Promise<boolean> {
  const count = await entity[primary].count?.()
  return count !== undefined && count.rows > Math.max(LARGE.rows, LARGE.timesSize * size)
}

interface Outcome {
  readonly compared: number
  readonly drifts: readonly Drift[]
  readonly undecided: number
}

async function compareAll(comparison: Comparison, keys: readonly Key[], plan: SampleOptions['plan']): Promise<Outcome> {
  const suspects = createSuspects(comparison)
  const drifts: Drift[] = []
  let compared = 0
  for (let from = 0; from < keys.length; from += LOAD_AT_ONCE) {
    assertCurrent(comparison)
    const batch = keys.slice(from, from + LOAD_AT_ONCE)
    compared += await compareKeys(comparison, batch, suspects)
    drifts.push(...(await suspects.due()))
    if (plan !== 'sequential') continue
    // A verdict needs to know of every key whether it differs.
    while (suspects.size > 0) drifts.push(...(await suspects.next()))
    const mismatched = drifts.length + suspects.undecided
    if (sequentialVerdict({ compared, mismatched }) !== 'open') break
  }
  while (suspects.size > 0) drifts.push(...(await suspects.next()))
  return { compared, drifts, undecided: suspects.undecided }
}

/** In an order that says nothing of the keys. */
function shuffled(keys: readonly Key[], random: () => number): readonly Key[] {
  const order = [...keys]
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    const [here, there] = [order[at], order[other]]
    if (here === undefined || there === undefined) continue
    order[at] = there
    order[other] = here
  }
  return order
}
