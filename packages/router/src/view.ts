import { type Document, parseRollout, type Rollout, type RolloutScope } from '@twinspan/core'
import { type Decisions, decisionsAt } from './decision.ts'
import { BUCKETS, parsePercent } from './percent.ts'

/** The algorithm behind a bucket. A change of it is a change of every cohort. */
export const HASH = 'murmur3-x86-32'

/** The rollout as the hot path wants it: everything that can be worked out beforehand is. */
export interface View {
  readonly rollout: Rollout | undefined
  readonly epoch: number
  /** Why this process cannot go by what is stored. It keeps to legacy meanwhile. */
  readonly problem: string | null
  /** The threshold, moved so that it compares with a signed hash. */
  readonly limit: number
  readonly allow: ReadonlySet<string>
  readonly deny: ReadonlySet<string>
  readonly decisions: Decisions
}

export interface ViewOptions {
  readonly scope: RolloutScope
  /** The lists that the application's code brings along. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

export function viewOf(document: Document | undefined, { scope, allow, deny }: ViewOptions): View {
  const rollout = parseRollout(document?.value)
  const threshold = thresholdOf(rollout)
  const epoch = document?.version ?? 0
  return {
    rollout,
    epoch,
    problem: problemOf(document, rollout, threshold, scope),
    limit: (threshold ?? 0) - BUCKETS / 2,
    allow: new Set([...allow, ...(rollout?.allow ?? [])]),
    deny: new Set([...deny, ...(rollout?.deny ?? [])]),
    decisions: decisionsAt(epoch),
  }
}

/** The first part of the scope in which two differ. */
export function scopeConflict(stored: RolloutScope, wanted: RolloutScope): keyof RolloutScope | undefined {
  return (['unit', 'salt', 'hash'] as const).find((part) => stored[part] !== wanted[part])
}

function thresholdOf(rollout: Rollout | undefined): number | undefined {
  if (rollout === undefined) return undefined
  try {
    return parsePercent(rollout.percent).threshold
  } catch {
    return undefined
  }
}

function problemOf(
  document: Document | undefined,
  rollout: Rollout | undefined,
  threshold: number | undefined,
  scope: RolloutScope,
): string | null {
  if (document === undefined) return null
  if (rollout === undefined || threshold === undefined) return 'the stored rollout cannot be understood by this version'
  const part = scopeConflict(rollout.scope, scope)
  return part === undefined ? null : `the stored rollout has another ${part} than this router`
}
