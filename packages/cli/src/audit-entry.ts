import type { AuditEntry, Migration } from '@twinspan/core'
import { textOption } from '@twinspan/core'
import type { Answerable } from './command.ts'

/** An entry of the audit trail for a change that is no change of phase. */
export function appendable(
  { snapshot, now }: Migration,
  action: string,
  from: string,
  to: string,
  { actor, reason }: Answerable,
): AuditEntry {
  return {
    at: now(),
    epoch: snapshot.epoch,
    action,
    from,
    to,
    actor: textOption('actor', actor),
    reason: textOption('reason', reason),
  }
}
