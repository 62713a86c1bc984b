import type { CustomGate, Gate } from '../gate.ts'
import type { MoveName } from '../moves.ts'
import { captureGate } from './capture.ts'
import { backfillGate, gapsGate, sweepGate } from './copy.ts'
import { doctorGate } from './doctor.ts'
import { archivedGate, deniedGate, holdGate } from './drop.ts'
import { copyWaitGate, targetFreeGate } from './fenced-copy.ts'
import { identitiesGate } from './identities.ts'
import { journalGate, parkedGate } from './journal.ts'
import { legacyInStepGate } from './resync.ts'
import { reverseGate } from './reverse.ts'
import { fencesGate, leasesGate, phaseGate } from './road.ts'
import { canaryGate, guardGate } from './rollout.ts'

/** What has to be true before each move, and before legacy may go. */
export const GATES: Readonly<Record<MoveName | 'drop', readonly Gate[]>> = {
  cutover: [
    phaseGate,
    fencesGate,
    leasesGate,
    doctorGate,
    captureGate,
    journalGate,
    parkedGate,
    gapsGate,
    backfillGate,
    sweepGate,
    canaryGate,
    guardGate,
    reverseGate,
    identitiesGate,
  ],
  // What is not on the target yet cannot be compared; the way back is proven on the rows of the rehearsal.
  'fenced-copy': [
    phaseGate,
    fencesGate,
    leasesGate,
    doctorGate,
    captureGate,
    targetFreeGate,
    copyWaitGate,
    identitiesGate,
  ],
  complete: [phaseGate, fencesGate, leasesGate, doctorGate, captureGate, journalGate, parkedGate, gapsGate],
  // A way back is needed when something is wrong already: it asks for no more than what loses no write.
  rollback: [phaseGate, fencesGate, captureGate, journalGate, parkedGate, gapsGate, legacyInStepGate, identitiesGate],
  reopen: [phaseGate, fencesGate],
  drop: [phaseGate, holdGate, archivedGate, deniedGate],
}

export function gatesOf(move: MoveName | 'drop', custom: readonly CustomGate[]): readonly Gate[] {
  const own = custom
    .filter((gate) => move !== 'drop' && (gate.for ?? ['cutover', 'fenced-copy']).includes(move))
    .map((gate): Gate => ({ name: gate.name, check: ({ migration }) => gate.check(migration) }))
  return [...GATES[move], ...own]
}
