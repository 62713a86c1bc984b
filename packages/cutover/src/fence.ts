import {
  type AuditEntry,
  type Fence,
  type FenceRow,
  FenceTimeoutError,
  type Migration,
  type Phase,
  PhaseRefusedError,
} from '@twinspan/core'
import type { Settings } from './options.ts'

export interface FenceRun {
  readonly migration: Migration
  readonly fence: Fence
  readonly settings: Settings
  readonly from: Phase
  readonly to: Phase
  /** The epoch in which the move began. */
  readonly epoch: number
  /** Tells this attempt from any other, in the evidence of its decision. */
  readonly attempt: string
}

/** What the side still takes of a row that another process may have changed meanwhile. */
export async function readOpen({
  migration,
  fence,
  from,
  to,
  epoch,
}: FenceRun): Promise<{ readonly row: FenceRow; readonly now: number }> {
  const found = await fence.read()
  if (found === undefined || found.row.epoch !== epoch || found.row.phase !== from || !found.row.open) {
    throw new PhaseRefusedError(
      migration.name,
      from,
      to,
      'another process is changing it at this moment. Nothing was switched',
    )
  }
  return found
}

export interface Closed {
  /** The row as it stands now. */
  readonly row: FenceRow
  /** When the attempt began that succeeded, by `migration.now()`: since then writers wait. */
  readonly at: number
}

/**
 * Closes the fence: waits for the writers in flight, and lets none pass after them. Later writers queue behind a waiting
 * attempt, so each one is short and they are spaced.
 */
export async function closeFence(run: FenceRun): Promise<Closed> {
  const { migration, fence, settings, from, to } = run
  const { lockTimeoutMs, lockAttempts, switchTimeoutMs } = settings
  for (let attempt = 1; ; attempt++) {
    const { row, now } = await readOpen(run)
    const { revision, ...rest } = row
    const deadline = now + lockTimeoutMs + switchTimeoutMs
    const closed = { ...rest, open: false, pending: { to, instance: migration.instance, deadline } }
    const at = migration.now()
    try {
      if (await fence.change(revision, closed, { lockTimeoutMs }))
        return { row: { ...closed, revision: revision + 1 }, at }
    } catch (error) {
      if (!(error instanceof FenceTimeoutError) || attempt >= lockAttempts) throw error
      await migration.sleep(100 * attempt)
      continue
    }
    throw new PhaseRefusedError(migration.name, from, to, 'another process changed it first. Nothing was switched')
  }
}

/**
 * Undoes a closed fence, whether or not the caller saw it close: an answer that was lost on the way says nothing.
 *
 * @returns `'open'`: the side takes writes as before; `'decided'`: the decision was taken after all; `'unknown'`: no answer
 */
export async function reopenFence(run: FenceRun): Promise<'open' | 'decided' | 'unknown'> {
  const { migration, fence, settings, epoch } = run
  for (let attempt = 1; attempt <= settings.lockAttempts; attempt++) {
    try {
      const found = await fence.read()
      if (found === undefined) return 'unknown'
      const { revision, ...rest } = found.row
      if (rest.epoch > epoch) return isOurs(run, rest.unrecorded) ? 'decided' : 'open'
      // Open: it never closed, or another process has reopened it. Closed by another instance: that one's business.
      if (rest.open || rest.pending?.instance !== migration.instance) return 'open'
      const undone = await fence.change(
        revision,
        { ...rest, open: true, pending: null },
        { lockTimeoutMs: settings.lockTimeoutMs },
      )
      if (undone) return 'open'
    } catch {
      await migration.sleep(50 * attempt)
    }
  }
  return 'unknown'
}

/** Whether the decision of this very attempt is among the entries. Another driver may have taken the same step. */
function isOurs({ epoch, attempt }: FenceRun, entries: readonly AuditEntry[]): boolean {
  const entry = entries.find((decided) => decided.epoch === epoch + 1)
  return (entry?.evidence as { readonly attempt?: unknown } | undefined)?.attempt === attempt
}
