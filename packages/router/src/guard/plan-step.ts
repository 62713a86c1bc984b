import { numberOption } from '@twinspan/core'
import { RATIOS } from './cusum.ts'

export interface PlanStepOptions {
  /** Reads per second that target answers during the step. */
  readonly rps: number
  /** The share of legacy's reads that are bad. */
  readonly baseRate: number
  /** How many times as bad target would have to be for the step to show it. */
  readonly ratio: number
  /**
   * The share of all reads that target answers, in per cent: the larger it is, the less there is to compare with.
   *
   * @default 1
   */
  readonly percent?: number
  /** As for the guard. @default 30 days */
  readonly averageRunLengthMs?: number
  /** As for the guard. @default 1_000 */
  readonly tickMs?: number
}

export interface StepPlan {
  /** How long the step must last until the guard would have killed it, on average; infinite where it never would. */
  readonly durationMs: number
  /** How many reads target answers meanwhile, and how many of them would be bad. */
  readonly operations: number
  readonly bad: number
  /** The same in a sentence. */
  readonly text: string
}

/** How long a step must last to show a regression of a given size. */
export function planStep(options: PlanStepOptions): StepPlan {
  const rps = numberOption('rps', options.rps, 0, { min: Number.MIN_VALUE })
  const baseRate = numberOption('baseRate', options.baseRate, 0, { min: Number.MIN_VALUE, max: 1 })
  const ratio = numberOption('ratio', options.ratio, 0, { min: 1, max: 1 / baseRate })
  const share = numberOption('percent', options.percent, 1, { min: Number.MIN_VALUE, max: 100 }) / 100
  const tickMs = numberOption('tickMs', options.tickMs, 1_000, { min: 1 })
  const runLengthMs = numberOption('averageRunLengthMs', options.averageRunLengthMs, 30 * 86_400_000, { min: tickMs })

  const needed = Math.log(runLengthMs / tickMs) + Math.log(RATIOS.length)
  const gain = Math.max(...RATIOS.map((supposed) => gainPerSecond({ rps, baseRate, ratio, share, supposed })))
  const seconds = gain <= 0 ? Number.POSITIVE_INFINITY : Math.max(tickMs / 1_000, needed / gain)
  const operations = Math.ceil(rps * seconds)
  return {
    durationMs: Math.ceil(seconds * 1_000),
    operations,
    bad: Math.ceil(operations * baseRate * ratio),
    text: Number.isFinite(seconds)
      ? `A target that is ${ratio} times as bad shows within about ${inWords(seconds)} (${operations} reads on target).`
      : `A target that is ${ratio} times as bad would never show.`,
  }
}

/** How fast the evidence for `supposed` grows when `ratio` is the truth. */
function gainPerSecond(facts: {
  rps: number
  baseRate: number
  ratio: number
  share: number
  supposed: number
}): number {
  const { rps, baseRate, ratio, share, supposed } = facts
  const targetBad = rps * baseRate * ratio
  const legacyBad = (rps / share) * (1 - share) * baseRate
  const dilution = Math.log(1 + (supposed - 1) * share)
  return targetBad * Math.log(supposed) - (targetBad + legacyBad) * dilution
}

function inWords(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`
  if (seconds < 7_200) return `${Math.ceil(seconds / 60)} min`
  return `${Math.ceil(seconds / 3_600)} h`
}
