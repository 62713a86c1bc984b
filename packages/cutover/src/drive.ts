import { randomUUID } from 'node:crypto'
import { type FenceRow, type Migration, PhaseRefusedError, redact, type Snapshot, within } from '@twinspan/core'
import { decide } from './decide.ts'
import { approachEmpty, drainJournal } from './drain.ts'
import { CutoverAbortedError } from './errors.ts'
import { closeFence, type FenceRun, readOpen, reopenFence } from './fence.ts'
import { follow } from './follow.ts'
import type { GateResult } from './gate.ts'
import { decidingSide, type Move } from './moves.ts'
import type { Settings } from './options.ts'
import { createSteps, type StepReport, type Steps } from './steps.ts'
import { WORK } from './work.ts'

export interface DriveRequest {
  readonly migration: Migration
  readonly settings: Settings
  readonly move: Move
  readonly snapshot: Snapshot
  readonly gates: readonly GateResult[]
  readonly actor: string
  readonly reason: string
}

export interface CutoverResult {
  readonly snapshot: Snapshot
  readonly from: Snapshot['phase']
  readonly to: Snapshot['phase']
  readonly gates: readonly GateResult[]
  readonly steps: readonly StepReport[]
  /** Milliseconds from the closing of the fence until the new primary took writes: the longest that a writer waited. */
  readonly writersWaitedMs: number
  /** Keys that were still dirty when the fence closed, and were drained behind it. */
  readonly drained: number
  /**
   * What remains to be done although the decision is taken, one sentence each; empty as a rule. Any live process makes the
   * fence rows and the store follow; an opaque legacy is for its owner to close; the rest is finished by asking for the same
   * move again.
   */
  readonly unsettled: readonly string[]
}

/** Carries out one move whose gates are open. */
export async function drive(request: DriveRequest): Promise<CutoverResult> {
  const { migration, settings, move, snapshot, gates } = request
  const steps = createSteps(migration, move.to)
  const run: FenceRun = {
    migration,
    settings,
    fence: migration.sides[decidingSide(move)].fence,
    from: move.from,
    to: move.to,
    epoch: snapshot.epoch,
    attempt: randomUUID(),
  }
  // Asked now, while nobody waits for the store.
  const recordedEpoch = (await migration.store.readState().catch(() => undefined))?.epoch ?? 0

  let closedAt: number | undefined
  let drained = 0
  try {
    await WORK[move.name].prepare({ migration, settings, steps, epoch: snapshot.epoch })
    let row: FenceRow
    if (move.level === 'drain') {
      const side = decidingSide(move)
      await steps.run('approach', () => approachEmpty({ migration, side, drain: settings.drain }))
    }
    if (move.level !== null) {
      const closed = await steps.run('fence', () => closeFence(run))
      closedAt = closed.at
      row = closed.row
      drained = await behindFence(request, steps, closed.at + settings.lockTimeoutMs + settings.switchTimeoutMs)
    } else {
      row = (await readOpen(run)).row
    }
    await steps.run('decide', () => decide(request, run, row, { recordedEpoch, drained }))
  } catch (error) {
    await giveUp(request, run, steps, error)
  }
  return {
    from: move.from,
    to: move.to,
    gates,
    ...(await follow(request, steps, closedAt)),
    steps: steps.reports,
    drained,
  }
}

/** Everything that writers wait for, within the time that they may. */
async function behindFence(
  { migration, settings, move, snapshot }: DriveRequest,
  steps: Steps,
  overdueAt: number,
): Promise<number> {
  const deadline = Math.min(overdueAt, migration.now() + settings.switchTimeoutMs)
  const left = (): number => Math.max(1, deadline - migration.now())
  const { drain } = settings
  const over = new AbortController()
  try {
    // Side by side: no key is drained that the side which is left has not given out.
    const [drained] = await Promise.all([
      move.level === 'drain'
        ? steps.run('drain', () =>
            within(left(), 'The drain', () => drainJournal({ migration, side: decidingSide(move), deadline, drain })),
          )
        : 0,
      within(left(), 'The work behind the fence', async () =>
        WORK[move.name].behindFence?.({
          migration,
          settings,
          steps,
          epoch: snapshot.epoch,
          leftMs: left,
          signal: over.signal,
        }),
      ),
    ])
    return drained
  } finally {
    // Nobody waits for it any more, and the target is about to be left as it is.
    over.abort(new Error('The time behind the fence is over.'))
  }
}

/** Undoes what was begun and throws, unless it turns out that the decision was taken after all: its answer was lost. */
async function giveUp(request: DriveRequest, run: FenceRun, steps: Steps, error: unknown): Promise<void> {
  const { migration, settings, move, snapshot } = request
  const step = steps.current
  const outcome = await steps.run('undo', () => reopenFence(run))
  if (outcome === 'decided') return
  if (outcome === 'open')
    await WORK[move.name].undo?.({ migration, settings, steps, epoch: snapshot.epoch }).catch(() => {})
  if (error instanceof PhaseRefusedError) throw error
  const why = redact(error).replace(/\.$/, '')
  throw new CutoverAbortedError(migration.name, move.to, step, why, outcome === 'open' ? 'undone' : 'overdue-soon', {
    cause: error,
  })
}
