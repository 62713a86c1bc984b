/** One measured number. A case may yield several: a median and a p99, a throughput and a ratio to the bare thing. */
export interface Measurement {
  /** What was measured: `p99`, `throughput`, `ratio`. */
  readonly metric: string
  readonly value: number
  /** `ms`, `ops/s`, `rows/s`, `x` (a ratio), `bytes`. */
  readonly unit: string
}

/**
 * One thing to measure, on its own feet: it opens what it needs and closes it, whatever happens.
 *
 * @example
 * ```ts
 * export const cases: Cases = {
 *   decide: async () => [{ metric: 'throughput', value: await perSecond(() => router.decide('u1')), unit: 'ops/s' }],
 * }
 * ```
 */
export type Case = (context: BenchContext) => Promise<readonly Measurement[]>

export interface BenchContext {
  /** What follows the bench's name on the command line, `--json` left out: `['--rows=100000']`. */
  readonly args: readonly string[]
  /** Says where a long case is, on stderr: stdout belongs to the results. */
  readonly note: (text: string) => void
}

/** What `test/bench/<name>.bench.ts` exports as `cases`. They run one after the other, in this order. */
export type Cases = Readonly<Record<string, Case>>
