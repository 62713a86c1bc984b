import { numberOption } from '@twinspan/core'

/** One class of failing logins: unknown, migrated, locked. `run` makes one of them, and has to be refused. */
export interface TimingClass {
  readonly name: string
  run(): Promise<unknown>
}

export interface TimingAuditOptions {
  /**
   * How many logins of each class are timed.
   *
   * @default 300
   */
  readonly samples?: number
  /**
   * How many rounds are thrown away before, in which the equaliser learns what is common.
   *
   * @default 20
   */
  readonly warmUp?: number
  /**
   * How far from a half the area under the curve of any two classes may be.
   *
   * @default 0.05
   */
  readonly tolerance?: number
  /** Stops between logins. */
  readonly signal?: AbortSignal
  readonly random?: () => number
}

export interface TimingPair {
  readonly classes: readonly [string, string]
  /** How likely a login of the first class takes longer than one of the second: 0.5 tells nothing. */
  readonly auc: number
}

export interface TimingAudit {
  /** Whether no two classes can be told apart by their time. */
  readonly ok: boolean
  /** Every pair, the worst first. */
  readonly pairs: readonly TimingPair[]
  /** The greatest distance from a half. */
  readonly worst: number
  /** Median milliseconds by class. */
  readonly medianMs: Readonly<Record<string, number>>
}

/**
 * Whether the time of a refusal tells what kind of login it was. All classes are run in turns, each round in another
 * order, so that whatever else the machine does falls on all of them; each pair is compared by the Mann-Whitney statistic.
 */
export async function timingAudit(
  classes: readonly TimingClass[],
  options: TimingAuditOptions = {},
): Promise<TimingAudit> {
  const samples = numberOption('samples', options.samples, 300, { min: 2, integer: true })
  const warmUp = numberOption('warmUp', options.warmUp, 20, { min: 0, integer: true })
  const tolerance = numberOption('tolerance', options.tolerance, 0.05, { min: 0, max: 0.5 })
  const { signal, random = Math.random } = options

  const took = new Map(classes.map(({ name }) => [name, [] as number[]]))
  for (let round = -warmUp; round < samples; round++) {
    for (const { name, run } of shuffled(classes, random)) {
      signal?.throwIfAborted()
      const startedAt = performance.now()
      await run()
      const ms = performance.now() - startedAt
      if (round >= 0) took.get(name)?.push(ms)
    }
  }

  const pairs = classes
    .flatMap(({ name }, at) => classes.slice(at + 1).map((other) => pairOf(name, other.name, took)))
    .sort((a, b) => distance(b) - distance(a))
  const [first] = pairs
  const worst = first === undefined ? 0 : distance(first)
  const medianMs = Object.fromEntries([...took].map(([name, times]) => [name, median(times)]))
  return { ok: worst <= tolerance, pairs, worst, medianMs }
}

function pairOf(a: string, b: string, took: ReadonlyMap<string, readonly number[]>): TimingPair {
  return { classes: [a, b], auc: areaUnderCurve(took.get(a) ?? [], took.get(b) ?? []) }
}

/** The share of pairs in which the value of `a` is the greater one; a draw counts half. */
export function areaUnderCurve(a: readonly number[], b: readonly number[]): number {
  const values = [...a.map((value) => ({ value, own: 1 })), ...b.map((value) => ({ value, own: 0 }))]
  values.sort((x, y) => x.value - y.value)
  let ranks = 0
  for (let at = 0; at < values.length; ) {
    let end = at
    while (end < values.length && values[end]?.value === values[at]?.value) end++
    // Equal values share the mean of their ranks.
    for (const { own } of values.slice(at, end)) ranks += own * ((at + 1 + end) / 2)
    at = end
  }
  return (ranks - (a.length * (a.length + 1)) / 2) / (a.length * b.length)
}

function distance({ auc }: TimingPair): number {
  return Math.abs(auc - 0.5)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function shuffled<T>(values: readonly T[], random: () => number): readonly T[] {
  return values
    .map((value) => ({ value, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value)
}
