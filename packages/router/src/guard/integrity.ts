import { NONE } from './counts.ts'
import { createCusum } from './cusum.ts'
import type { GuardDeltas, IntegrityCounts } from './deltas.ts'
import { againstRate } from './likelihood.ts'
import type { Finding } from './signal.ts'

export interface IntegritySignal {
  /** Whether a mismatch is among these that no budget covers. */
  isIntolerable(deltas: Required<GuardDeltas>): boolean
  observe(now: number, counts: IntegrityCounts): void
  finding(): Finding
  reset(): void
}

/** The sides disagree more often than the budget allows. There is nothing to compare it with: a copy ought to be right. */
export function createIntegritySignal(options: {
  readonly budget: number
  readonly zeroTolerance: readonly string[]
}): IntegritySignal {
  const cusum = createCusum()
  let isOver = false
  const intolerable = ({ classes = {} }: IntegrityCounts): boolean =>
    options.zeroTolerance.some((name) => (classes[name] ?? 0) > 0)

  return {
    isIntolerable: ({ integrity }) => intolerable(integrity),
    observe(now, counts) {
      if (intolerable(counts)) isOver = true
      if (counts.compared === 0) return
      const target = { total: counts.compared, bad: counts.mismatched }
      cusum.observe(now, { target, legacy: NONE }, (ratio, log) => againstRate(target, options.budget, ratio, log))
    },
    finding: () => ({
      signal: 'integrity',
      log: isOver ? Number.POSITIVE_INFINITY : cusum.log,
      from: cusum,
    }),
    reset() {
      cusum.reset()
      isOver = false
    },
  }
}
