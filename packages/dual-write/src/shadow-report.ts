import type { EventOf, Migration, ShadowOutcome } from '@twinspan/core'

/** What the repeated reads of one operation came to in this process. */
export interface ShadowRow {
  readonly entity: string
  readonly operation: string
  /** Reads that were repeated on the other side and compared: those that matched, differed, were ignored, noise or lag. */
  readonly compared: number
  readonly mismatched: number
  /** `mismatched` of `compared`; `null` before the first. */
  readonly mismatchRate: number | null
  /** Reads that were repeated on the primary as well. */
  readonly controls: number
  /** `controls` in which the primary did not agree with itself. */
  readonly noise: number
  /** `noise` of `controls`; `null` before the first. A mismatch rate that is no higher says nothing about the secondary. */
  readonly noiseRate: number | null
  readonly outcomes: Readonly<Partial<Record<ShadowOutcome, number>>>
}

export interface ShadowReport {
  /** A row per operation that was repeated since the report began, the highest mismatch rate first. `console.table` shows it. */
  rows(): readonly ShadowRow[]
  /** Stops counting. */
  end(): void
}

const COMPARED: readonly ShadowOutcome[] = ['match', 'mismatch', 'ignored', 'noise', 'lagged']

interface Tally {
  readonly entity: string
  readonly operation: string
  readonly outcomes: Partial<Record<ShadowOutcome, number>>
  controls: number
  noise: number
}

/** Counts the repeated reads of this process from now on, for people: the mismatch rate beside what the primary does to itself. */
export function createShadowReport(migration: Migration): ShadowReport {
  const tallies = new Map<string, Tally>()
  const count = ({ entity, operation, outcome, control }: EventOf<'shadow-read'>): void => {
    const name = `${entity}.${operation}`
    const tally = tallies.get(name) ?? { entity, operation, outcomes: {}, controls: 0, noise: 0 }
    tallies.set(name, tally)
    tally.outcomes[outcome] = (tally.outcomes[outcome] ?? 0) + 1
    if (control !== undefined) tally.controls++
    if (control === 'noise') tally.noise++
  }
  return {
    rows: () => [...tallies.values()].map(rowOf).sort((a, b) => (b.mismatchRate ?? 0) - (a.mismatchRate ?? 0)),
    end: migration.events.on('shadow-read', count),
  }
}

function rowOf({ entity, operation, outcomes, controls, noise }: Tally): ShadowRow {
  const compared = COMPARED.reduce((sum, outcome) => sum + (outcomes[outcome] ?? 0), 0)
  const mismatched = outcomes.mismatch ?? 0
  return {
    entity,
    operation,
    compared,
    mismatched,
    mismatchRate: compared === 0 ? null : mismatched / compared,
    controls,
    noise,
    noiseRate: controls === 0 ? null : noise / controls,
    outcomes: { ...outcomes },
  }
}
