import type { Answerable, CommandDefinition } from '../command.ts'
import { phaseArgument } from '../phase-argument.ts'
import { tellMove } from '../tell-move.ts'

export const rollback: CommandDefinition<Answerable> = {
  usage: 'rollback [phase]',
  summary: 'go back to the phase before this one, or as far as is named',
  details: 'After the switch legacy becomes the primary again, with every write since, behind the same fence.',
  examples: ['rollback --reason "support tickets"', 'rollback shadow --reason "wrong totals" --actor ops'],
  changes: true,
  async run({ output, open }, { actor, reason }, [wanted]) {
    const session = await open()
    const { phase } = await session.migration.refresh()
    const to = phaseArgument(wanted)
    const result = await session
      .cutover({ drives: true })
      .rollback({ actor, reason, ...(to === undefined ? {} : { to }) })
    const { snapshot } = result
    const { name } = session.migration
    const outcome = tellMove(output, {
      ...result,
      migration: name,
      from: phase,
      to: snapshot.phase,
      epoch: snapshot.epoch,
    })
    if (snapshot.phase === 'canary') output.lines('The canary begins at 0 % again: twinspan ramp.')
    return outcome
  },
}
