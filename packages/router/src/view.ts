import {
  type Document,
  parseRollout,
  type Rollout,
  type RolloutKill,
  type RolloutScope,
  type SideName,
} from '@twinspan/core'
import { BUCKETS, parsePercent } from './percent.ts'

/** The algorithm behind a bucket. A change of it is a change of every cohort. */
export const HASH = 'murmur3-x86-32'

/** The rollout as the hot path wants it: everything that can be worked out beforehand is. */
export interface View {
  readonly rollout: Rollout | undefined
  readonly epoch: number
  /** The latch: as it is stored, or as this process remembers it of a store that has lost it. */
  readonly killed: RolloutKill | null
  /** Why this process cannot go by what is stored. It keeps to legacy meanwhile. */
  readonly problem: string | null
  /** The threshold, moved so that it compares with a signed hash. */
  readonly limit: number
  readonly allow: ReadonlySet<string>
  readonly deny: ReadonlySet<string>
  readonly tenants: ReadonlyMap<string, SideName>
}

export interface ViewOptions {
  readonly scope: RolloutScope
  /** The lists that the application's code brings along. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly tenants: Readonly<Record<string, SideName>>
}

/** @param remembered The last killed rollout that this process knows of. */
export function viewOf(
  document: Document | undefined,
  { scope, allow, deny, tenants }: ViewOptions,
  remembered?: Document,
): View {
  const rollout = parseRollout(document?.value)
  const threshold = thresholdOf(rollout)
  const lost = isLost(document, rollout, remembered)
  return {
    rollout,
    epoch: document?.version ?? 0,
    killed: lost ? (parseRollout(remembered?.value)?.killed ?? null) : (rollout?.killed ?? null),
    problem: lost
      ? 'the store has lost a kill that this process remembers'
      : problemOf(document, rollout, threshold, scope),
    limit: (threshold ?? 0) - BUCKETS / 2,
    allow: new Set([...allow, ...(rollout?.allow ?? [])]),
    deny: new Set([...deny, ...(rollout?.deny ?? [])]),
    tenants: new Map(Object.entries({ ...tenants, ...rollout?.tenants })),
  }
}

/** The first part of the scope in which two differ. */
export function scopeConflict(stored: RolloutScope, wanted: RolloutScope): keyof RolloutScope | undefined {
  return (['unit', 'salt', 'hash'] as const).find((part) => stored[part] !== wanted[part])
}

/** Whether a store that went back in time (a restored backup, a replica that was behind) has forgotten a kill. */
function isLost(
  document: Document | undefined,
  rollout: Rollout | undefined,
  remembered: Document | undefined,
): boolean {
  const known = parseRollout(remembered?.value)
  if (known === undefined || remembered === undefined) return false
  // Of another attempt at the migration, or re-armed since.
  if (rollout !== undefined && (rollout.incarnation !== known.incarnation || rollout.begun > known.begun)) return false
  return (rollout?.killed ?? null) === null && (document?.version ?? 0) <= remembered.version
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
