import { type AuditEntry, type FenceRow, type Json, PhaseRefusedError, PLANS, within } from '@twinspan/core'
import type { DriveRequest } from './drive.ts'
import type { FenceRun } from './fence.ts'

/**
 * The decision: one compare-and-set on the row of the side that has been primary. Before it everything can be undone, after
 * it there is only forward.
 */
export async function decide(
  { migration, settings, move, snapshot, gates, actor, reason }: DriveRequest,
  { fence, attempt }: FenceRun,
  row: FenceRow,
  { recordedEpoch, drained }: { readonly recordedEpoch: number; readonly drained: number },
): Promise<void> {
  const entry: AuditEntry = {
    at: migration.now(),
    epoch: snapshot.epoch + 1,
    action: 'phase',
    from: move.from,
    to: move.to,
    actor,
    reason,
    evidence: {
      gates: Object.fromEntries(gates.map((gate) => [gate.name, gate.detail])),
      drained,
      attempt,
    } satisfies Json,
  }
  const { revision, ...rest } = row
  const { lockTimeoutMs } = settings
  const decided = await within(2 * lockTimeoutMs, 'The decision', () =>
    fence.change(
      revision,
      {
        ...rest,
        epoch: entry.epoch,
        phase: move.to,
        primary: PLANS[move.to].primary,
        open: true,
        pending: null,
        unrecorded: [...rest.unrecorded.filter((earlier) => earlier.epoch > recordedEpoch), entry],
      },
      { lockTimeoutMs },
    ),
  )
  if (!decided)
    throw new PhaseRefusedError(migration.name, move.from, move.to, 'another process undid the overdue switch')
}
