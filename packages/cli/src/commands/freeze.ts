import { Option } from 'commander'
import type { Answerable, CommandDefinition } from '../command.ts'

interface FreezeOptions extends Answerable {
  readonly thaw?: boolean
}

export const freeze: CommandDefinition<FreezeOptions> = {
  usage: 'freeze',
  summary: 'make legacy refuse every write; only in complete, which does it by itself',
  details: 'For a freeze that was lost or lifted.',
  examples: ['freeze --reason "restored from a backup"', 'freeze --thaw --reason "the auditors write a note"'],
  changes: true,
  options: [new Option('--thaw', 'take the freeze away; what is written to legacy then stays there')],
  async run({ output, open }, { actor, reason, thaw = false }) {
    const session = await open()
    const cutover = session.cutover({ drives: false })
    await (thaw ? cutover.thaw({ actor, reason }) : cutover.freeze({ actor, reason }))
    output.object({ migration: session.migration.name, frozen: !thaw })
    output.lines(
      `${output.paint('good', 'Done.')} ${thaw ? 'The freeze of legacy is taken away.' : 'Legacy refuses every write.'}`,
    )
    return 'done'
  },
}
