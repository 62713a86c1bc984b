import type { outcomeOf } from '@twinspan/reconcile'
import { Option } from 'commander'
import type { Outcome } from './exit-status.ts'
import { numberBetween } from './numbers.ts'

/** What all comparisons can be told. */
export interface CompareFlags {
  readonly repair?: boolean
  readonly reveal: 'nothing' | 'keys' | 'values'
  readonly maxLoad?: number
}

export const REPAIR = (): Option => new Option('--repair', 'hand what drifted to the mirror')

export const REVEAL = (): Option =>
  new Option('--reveal <what>', 'what findings tell beside fields; both may be personal data')
    .choices(['nothing', 'keys', 'values'])
    .default('nothing')

export const MAX_LOAD = (usual: string): Option =>
  new Option('--max-load <share>', `share of the time that the primary may be busy (default: ${usual})`).argParser(
    numberBetween(0.001, 1),
  )

export const OUTCOMES: Readonly<Record<ReturnType<typeof outcomeOf>, Outcome>> = {
  equal: 'done',
  drift: 'blocked',
  undecided: 'unsettled',
}

/** Of several comparisons. */
export function worst(outcomes: readonly Outcome[]): Outcome {
  return (['blocked', 'unsettled'] as const).find((outcome) => outcomes.includes(outcome)) ?? 'done'
}
