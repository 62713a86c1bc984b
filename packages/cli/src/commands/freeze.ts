import type { Answerable, CommandDefinition } from '../command.ts'

export const freeze: CommandDefinition<Answerable> = {
  usage: 'freeze',
  summary: 'make legacy refuse every write; only in complete, which does it by itself',
  details: 'For a freeze that was lost, or taken away with thaw.',
  examples: ['freeze --reason "restored from a backup"'],
  changes: true,
  async run({ output, open }, { actor, reason }) {
    const session = await open()
    await session.cutover({ drives: false }).freeze({ actor, reason })
    output.object({ migration: session.migration.name, frozen: true })
    output.lines(`${output.paint('good', 'Done.')} Legacy refuses every write.`)
    return 'done'
  },
}
