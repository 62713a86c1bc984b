import { PHASES, type Phase, PhaseRefusedError, PLANS } from '@twinspan/core'
import { Option } from 'commander'
import type { Answerable, CommandDefinition } from '../command.ts'
import { phaseArgument } from '../phase-argument.ts'
import { tellMove } from '../tell-move.ts'

interface AdvanceOptions extends Answerable {
  readonly adoptTarget?: boolean
}

export const advance: CommandDefinition<AdvanceOptions> = {
  usage: 'advance [phase]',
  summary: 'take the next step, which may be named; the switch is one of them',
  details:
    'A gate or a finding in the way is told and nothing is changed (status 1). Asked for the phase that is reached already, it finishes what a process that died left behind.',
  examples: [
    'advance --reason "begin"',
    'advance dual-write --reason "all processes capture" --actor ops',
    'advance target-primary --reason "all green since Monday"',
  ],
  changes: true,
  options: [new Option('--adopt-target', 'take over a target that holds rows already')],
  async run({ output, open }, { actor, reason, adoptTarget = false }, [wanted]) {
    const session = await open()
    const { migration } = session
    const { phase } = await migration.refresh()
    const to = phaseArgument(wanted) ?? PHASES[PHASES.indexOf(phase) + 1]
    if (to === undefined) throw new PhaseRefusedError(migration.name, phase, phase, 'it is the last phase')
    if (PLANS[to].primary === 'legacy') {
      const snapshot = await migration.advance({ to, actor, reason, adoptTarget })
      return tellMove(output, { migration: migration.name, from: phase, to: snapshot.phase, epoch: snapshot.epoch })
    }
    const result = await session.cutover({ drives: true }).advance({ to: to as SwitchedPhase, actor, reason })
    return tellMove(output, { migration: migration.name, epoch: result.snapshot.epoch, ...result })
  },
}

type SwitchedPhase = Extract<Phase, 'target-primary' | 'complete'>
