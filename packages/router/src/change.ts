import {
  type AuditEntry,
  type Json,
  type Migration,
  parseRollout,
  ROLLOUT_DOCUMENT,
  type Rollout,
  UnavailableError,
  within,
} from '@twinspan/core'
import type { Follower } from './follow.ts'

/** Who changes the rollout, and why. Both end up in the audit trail. */
export interface ChangeOptions {
  readonly actor: string
  readonly reason: string
}

/** A change of the rollout, as a function of what is stored, in `version`; `undefined` when there is nothing to change. */
export type Edit = (stored: Rollout | undefined, version: number) => Rollout | undefined

export interface ChangeContext {
  readonly migration: Migration
  readonly follower: Follower
  readonly timeoutMs: number
}

/**
 * Reads, edits and writes with the audit entry in one transaction, and begins again when somebody else was faster.
 *
 * @returns the version after it
 */
export async function change(
  { migration, follower, timeoutMs }: ChangeContext,
  edit: Edit,
  { actor, reason, evidence }: ChangeOptions & { readonly evidence?: Json },
  { written = () => {}, tries = 20 }: { readonly written?: () => void; readonly tries?: number } = {},
): Promise<number> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const document = await follower.look()
    const version = document?.version ?? 0
    const stored = parseRollout(document?.value)
    const next = edit(stored, version)
    if (next === undefined) return version
    const audit: AuditEntry = {
      at: migration.now(),
      epoch: migration.snapshot.epoch,
      action: 'rollout',
      from: inWords(stored),
      to: inWords(next),
      actor,
      reason,
      ...(evidence === undefined ? {} : { evidence }),
    }
    const isWritten = await within(timeoutMs, 'Writing the rollout', () =>
      migration.store.putDocument(ROLLOUT_DOCUMENT, next, { expected: version, audit, hint: true }),
    )
    if (isWritten) {
      written()
      follower.learn({ value: next, version: version + 1 })
      return version + 1
    }
  }
  throw new UnavailableError(
    `The rollout of "${migration.name}" was changed by others ${tries} times in a row. Nothing was changed.`,
  )
}

// Counts, not keys: the audit trail is for many eyes.
function inWords(rollout: Rollout | undefined): string {
  if (rollout === undefined) return '0 %'
  const tenants = Object.keys(rollout.tenants).length
  const lists = [
    ...(rollout.allow.length > 0 ? [`${rollout.allow.length} allowed`] : []),
    ...(rollout.deny.length > 0 ? [`${rollout.deny.length} denied`] : []),
    ...(tenants > 0 ? [`${tenants} tenants pinned`] : []),
  ]
  return [rollout.killed === null ? `${rollout.percent} %` : 'killed', ...lists].join(', ')
}
