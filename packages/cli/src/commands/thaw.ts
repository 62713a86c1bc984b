import type { Answerable, CommandDefinition } from '../command.ts'

export const thaw: CommandDefinition<Answerable> = {
  usage: 'thaw',
  summary: 'let legacy take writes of people and scripts again; only in complete',
  details: 'What is written to legacy then stays there. Refused while something relies on the freeze.',
  examples: ['thaw --reason "the auditors write a note"'],
  changes: true,
  async run({ output, open }, { actor, reason }) {
    const session = await open()
    await session.cutover({ drives: false }).thaw({ actor, reason })
    output.object({ migration: session.migration.name, frozen: false })
    output.lines(`${output.paint('good', 'Done.')} The freeze of legacy is taken away.`)
    return 'done'
  },
}
