import { InvalidOptionError, type Migration, type Phase } from '@twinspan/core'
import { ask, type GateResult } from './gate.ts'
import { gatesOf } from './gates/table.ts'
import { MOVES, type MoveName } from './moves.ts'
import type { Settings } from './options.ts'

export interface PlanOptions {
  /** @default `'target-primary'` before the switch, `'complete'` after it, `'drop'` in `complete` */
  readonly to?: 'canary' | 'target-primary' | 'complete' | 'drop'
  /** Of the switch to target: by the short road, from `capture`. */
  readonly path?: 'fenced-copy'
  /** With `path`. @default 2_000 */
  readonly maxWaitMs?: number
}

/** What stands in the way of a step. */
export interface CutoverPlan {
  /** Whether every gate is open. */
  readonly ready: boolean
  readonly from: Phase
  readonly to: Phase | 'drop'
  readonly epoch: number
  readonly gates: readonly GateResult[]
}

/** A process that has not heard of the last change yet does within its refresh; no reason to alarm anybody. */
const PATIENCE_MS = 1_500

export async function plan(migration: Migration, settings: Settings, { to, path }: PlanOptions): Promise<CutoverPlan> {
  const snapshot = await migration.refresh()
  const move = path ?? moveTo(to ?? nextOf(snapshot.phase), snapshot.phase)
  const from = move === 'drop' ? 'complete' : MOVES[move].from
  const destination = move === 'drop' ? move : MOVES[move].to
  const gates = await ask(gatesOf(move, settings.gates), {
    migration,
    snapshot,
    from,
    to: destination,
    settings,
    patienceMs: Math.min(settings.acknowledgeMs, PATIENCE_MS),
  })
  return { ready: gates.every((gate) => gate.ok), from: snapshot.phase, to: destination, epoch: snapshot.epoch, gates }
}

function nextOf(phase: Phase): Phase | 'drop' {
  if (phase === 'complete') return 'drop'
  return phase === 'target-primary' ? 'complete' : 'target-primary'
}

function moveTo(to: Phase | 'drop', from: Phase): MoveName | 'drop' {
  switch (to) {
    case 'drop':
    case 'complete':
      return to
    case 'canary':
      return 'rollback'
    case 'target-primary':
      return from === 'complete' ? 'reopen' : 'cutover'
    default:
      throw new InvalidOptionError('to', to, "'canary', 'target-primary', 'complete' or 'drop'")
  }
}
