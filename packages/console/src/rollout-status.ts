import { type Json, type MigrationStore, parseRollout, ROLLOUT_DOCUMENT, type Snapshot, stands } from '@twinspan/core'
import { clipJson, clipText } from './clip.ts'

/** Bad reads among all that the guard of any process has counted. */
export interface Trials {
  readonly total: number
  readonly bad: number
}

export interface RolloutStatus {
  /** What is stored, a decimal from `'0'` to `'100'`. */
  readonly percent: string
  /** Whether it is meant for the canary that the migration is in, or on its way to. What does not stand counts as 0. */
  readonly stands: boolean
  readonly since: number
  readonly version: number
  readonly killed: {
    readonly at: number
    readonly actor: string
    readonly reason: string
    readonly evidence: Json
  } | null
  readonly allowed: number
  readonly denied: number
  readonly pinnedTenants: number
}

/** What the guards of all processes have counted, in `shadow` too. */
export interface Counted {
  readonly processes: number
  readonly legacy: Trials
  readonly target: Trials
  /** Answers of both sides that were compared, and those that differed. */
  readonly compared: Trials
}

/** What `@twinspan/router` keeps below it: one document per process. */
const COUNTS = 'guard:'

/** The rollout as stored; `null` when nobody has begun one. */
export async function rolloutStatus(store: MigrationStore, snapshot: Snapshot): Promise<RolloutStatus | null> {
  const document = await store.getDocument(ROLLOUT_DOCUMENT)
  if (document === undefined || document.value === null) return null
  const rollout = parseRollout(document.value)
  if (rollout === undefined) throw new TypeError('The stored rollout was written by another version.')
  const { percent, since, killed, allow, deny, tenants } = rollout
  return {
    percent: clipText(percent, 40),
    stands: stands(rollout, snapshot),
    since,
    version: document.version,
    killed: killed && {
      at: killed.at,
      actor: clipText(killed.actor),
      reason: clipText(killed.reason),
      evidence: clipJson(killed.evidence ?? null),
    },
    allowed: allow.length,
    denied: deny.length,
    pinnedTenants: Object.keys(tenants).length,
  }
}

/** `null` when no guard has counted anything. */
export async function countedByGuards(store: MigrationStore): Promise<Counted | null> {
  const counts = await store.listDocuments(COUNTS)
  return counts.size === 0 ? null : sum([...counts.values()].map(({ value }) => value))
}

function sum(documents: readonly Json[]): Counted {
  const trials = (total: readonly string[], bad: readonly string[]): Trials => ({
    total: documents.reduce((all: number, value) => all + numberAt(value, total), 0),
    bad: documents.reduce((all: number, value) => all + numberAt(value, bad), 0),
  })
  return {
    processes: documents.length,
    legacy: trials(['sums', 'errors', 'legacy', 'total'], ['sums', 'errors', 'legacy', 'bad']),
    target: trials(['sums', 'errors', 'target', 'total'], ['sums', 'errors', 'target', 'bad']),
    compared: trials(['sums', 'integrity', 'compared'], ['sums', 'integrity', 'mismatched']),
  }
}

function numberAt(value: Json, path: readonly string[]): number {
  let at: Json | undefined = value
  for (const name of path) {
    at = typeof at === 'object' && at !== null ? (at as { readonly [name: string]: Json })[name] : undefined
  }
  return typeof at === 'number' ? at : 0
}
