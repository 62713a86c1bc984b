import type { SweepRemarks } from '@twinspan/core'

/** What a comparison has to say of itself beside what it found. */
export interface Notes {
  /** Why rows are read where digests could have been, from some row on. The first reason stays. */
  readonly readsRowsBecause: string | undefined
  readonly warnings: readonly string[]
  /** How many values were the same only for having been normalized, by column. */
  readonly normalized: Readonly<Record<string, number>>
  readRows(because: string): void
  warn(warning: string): void
  /** @param values @default 1 */
  forgive(column: string, values?: number): void
}

/** What of it belongs into a record: nothing where there is nothing to say. */
export function remarksOf({ readsRowsBecause, warnings, normalized }: Notes): Partial<SweepRemarks> {
  return {
    ...(readsRowsBecause === undefined ? {} : { readsRowsBecause }),
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(Object.keys(normalized).length === 0 ? {} : { normalized }),
  }
}

export function createNotes(): Notes {
  const warnings = new Set<string>()
  const normalized = new Map<string, number>()
  let because: string | undefined
  return {
    get readsRowsBecause() {
      return because
    },
    get warnings() {
      return [...warnings]
    },
    get normalized() {
      return Object.fromEntries(normalized)
    },
    readRows(reason) {
      because ??= reason
    },
    warn: (warning) => void warnings.add(warning),
    forgive: (column, values = 1) => void normalized.set(column, (normalized.get(column) ?? 0) + values),
  }
}
