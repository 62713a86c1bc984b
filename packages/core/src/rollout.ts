import { isPhase, type Phase, type SideName, stepsBetween } from './phases.ts'
import type { Json } from './state-store.ts'

/** The name of the document in the migration's store that says who reads from target during `canary`. */
export const ROLLOUT_DOCUMENT = 'rollout'

/** What the document holds. Its version is the rollout's epoch: it grows with every change. */
export type Rollout = {
  /** A canonical decimal from `'0'` to `'100'`. */
  readonly percent: string
  /** Milliseconds since 1970: how long `percent` has stood, by the clock of the process that set it. */
  readonly since: number
  /** Where the migration was when `percent` was set. */
  readonly phase: Phase
  readonly epoch: number
  readonly incarnation: string
  /** The latch. While it is set nobody reads from target, whatever `percent` says. */
  readonly killed: RolloutKill | null
  /** Keys that read from target, and keys that never do. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  /** Tenants whose keys all read from one side, whatever their buckets are. */
  readonly tenants: Readonly<Record<string, SideName>>
  /** The version in which this attempt began: the first, or that of the last `rearm`. */
  readonly begun: number
  readonly scope: RolloutScope
}

export type RolloutKill = {
  readonly at: number
  readonly actor: string
  readonly reason: string
  readonly evidence?: Json
}

/** What a key is hashed with. A cohort is the same people only as long as none of it changes. */
export type RolloutScope = {
  readonly unit: string
  readonly salt: string
  readonly hash: string
}

/** The document's value, or `undefined` when it is not one that this version can read. */
export function parseRollout(value: Json | undefined): Rollout | undefined {
  if (!isRecord(value)) return undefined
  const { percent, since, phase, epoch, incarnation, allow, deny, tenants = {}, begun = 0 } = value
  const killed = value['killed'] === null ? null : parseKill(value['killed'])
  const scope = parseScope(value['scope'])
  if (typeof percent !== 'string' || typeof since !== 'number') return undefined
  if (!isPhase(phase) || typeof epoch !== 'number' || typeof incarnation !== 'string') return undefined
  if (!isTenants(tenants) || typeof begun !== 'number') return undefined
  if (!isTexts(allow) || !isTexts(deny) || killed === undefined || scope === undefined) return undefined
  return { percent, since, phase, epoch, incarnation, killed, allow, deny, tenants, begun, scope }
}

/**
 * Whether `percent` is meant for the canary that `now` belongs to: it was set in it, or on the straight road to it. A
 * migration that went back and comes again, or starts again, enters at 0 %.
 */
export function stands(
  rollout: Rollout,
  now: { readonly phase: Phase; readonly epoch: number; readonly incarnation: string },
): boolean {
  return rollout.incarnation === now.incarnation && now.epoch - rollout.epoch === stepsBetween(rollout.phase, now.phase)
}

function parseKill(value: Json | undefined): RolloutKill | undefined {
  if (!isRecord(value)) return undefined
  const { at, actor, reason, evidence } = value
  if (typeof at !== 'number' || typeof actor !== 'string' || typeof reason !== 'string') return undefined
  return evidence === undefined ? { at, actor, reason } : { at, actor, reason, evidence }
}

function parseScope(value: Json | undefined): RolloutScope | undefined {
  if (!isRecord(value)) return undefined
  const { unit, salt, hash } = value
  if (typeof unit !== 'string' || typeof salt !== 'string' || typeof hash !== 'string') return undefined
  return { unit, salt, hash }
}

function isRecord(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: Json | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function isTenants(value: Json): value is Readonly<Record<string, SideName>> {
  return isRecord(value) && Object.values(value).every((side) => side === 'legacy' || side === 'target')
}
