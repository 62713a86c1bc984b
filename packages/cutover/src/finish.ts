import type { Migration, Snapshot } from '@twinspan/core'
import type { CutoverResult } from './drive.ts'
import { follow } from './follow.ts'
import { MOVES, type Move } from './moves.ts'
import type { Settings } from './options.ts'
import { createSteps } from './steps.ts'

/** Finishes what a process that died after a decision left undone. Does nothing where nothing is left. */
export async function finish(migration: Migration, settings: Settings, snapshot: Snapshot): Promise<CutoverResult> {
  const move = moveInto(snapshot)
  const steps = createSteps(migration, snapshot.phase)
  if (move === undefined) {
    return {
      snapshot,
      from: snapshot.phase,
      to: snapshot.phase,
      gates: [],
      steps: [],
      writersWaitedMs: 0,
      drained: 0,
      unsettled: [],
    }
  }
  const request = {
    migration,
    settings,
    move,
    snapshot: { ...snapshot, epoch: snapshot.epoch - 1 },
    gates: [],
    actor: '',
    reason: '',
  }
  const followed = await follow(request, steps, undefined)
  return { from: snapshot.phase, to: snapshot.phase, gates: [], drained: 0, steps: steps.reports, ...followed }
}

/** The move whose work leads into the phase. What leads into `target-primary` from ahead includes what leads there from behind. */
function moveInto({ phase }: Snapshot): Move | undefined {
  if (phase === 'complete') return MOVES.complete
  if (phase === 'target-primary') return MOVES.reopen
  return phase === 'canary' ? MOVES.rollback : undefined
}
