import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import { numberBetween } from '../numbers.ts'
import { clean, instant, wrap } from '../text.ts'

export const audit: CommandDefinition<{ readonly limit: number }> = {
  usage: 'audit',
  summary: 'who changed what, when and why; the newest first',
  examples: ['audit', 'audit --limit 100 --json'],
  options: [new Option('-n, --limit <number>', 'entries to show').default(20).argParser(numberBetween(1))],
  async run({ output, open }, { limit }) {
    const { migration } = await open()
    const entries = await migration.store.readAudit({ limit })
    for (const entry of entries) output.object(entry)
    for (const { at, action, from, to, actor, reason } of entries) {
      const change = [from, to].filter((text) => text !== '').join(' → ')
      const [first = '', ...more] = wrap(`${instant(at)}  ${clean(action)}  ${clean(change)}`, output.width - 2)
      output.lines(...[first, ...more.map((line) => `  ${line}`)].map((line) => output.paint('strong', line)))
      output.lines(...wrap(`${clean(actor)}: ${clean(reason)}`, output.width - 2).map((line) => `  ${line}`))
    }
    if (entries.length === 0) output.lines('Nothing has been changed yet.')
    return 'done'
  },
}
