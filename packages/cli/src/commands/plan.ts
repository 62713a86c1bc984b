import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import { gateLines } from '../gates.ts'
import { counted } from '../text.ts'

const GOALS = ['canary', 'target-primary', 'complete', 'drop'] as const

export const plan: CommandDefinition<{ readonly to?: (typeof GOALS)[number] }> = {
  usage: 'plan',
  summary: 'ask every gate of the switch, or of what follows it; changes nothing',
  details: 'Some gates write rows in transactions that are rolled back. Status 1 as long as a gate is closed.',
  examples: ['plan', 'plan --to complete', 'plan --to drop --json'],
  options: [new Option('--to <goal>', 'what to plan for (default: the next one)').choices(GOALS)],
  async run({ output, open }, { to }) {
    const session = await open()
    const planned = await session.cutover({ drives: false }).plan(to === undefined ? {} : { to })
    output.object(planned)
    const closed = planned.gates.filter(({ ok }) => !ok).length
    output.lines(output.paint('strong', `${planned.from} → ${planned.to}`), ...gateLines(output, planned.gates), '')
    output.lines(planned.ready ? output.paint('good', 'Ready.') : `${counted(closed, 'gate')} closed.`)
    return planned.ready ? 'done' : 'blocked'
  },
}
