import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import { numberBetween } from '../numbers.ts'
import { clean, counted, fit, instant } from '../text.ts'

interface FindingsFlags {
  readonly kind?: string
  readonly entity?: string
  readonly limit: number
}

export const findings: CommandDefinition<FindingsFlags> = {
  usage: 'findings',
  summary: 'what comparisons, the backfill and the mirror have found; never keys or values',
  examples: ['findings', 'findings --kind reconcile --entity users --json'],
  options: [
    new Option('--kind <kind>', 'reconcile, backfill, shadow, capture-gap, ...'),
    new Option('--entity <name>', 'of one entity'),
    new Option('-n, --limit <number>', 'findings to show').default(50).argParser(numberBetween(1)),
  ],
  async run({ output, open }, { kind, entity, limit }) {
    const session = await open()
    if (entity !== undefined) session.entities([entity])
    const stored = await session.migration.store.findings({
      limit,
      ...(kind === undefined ? {} : { kind }),
      ...(entity === undefined ? {} : { entity }),
    })
    for (const finding of stored) {
      output.object(finding)
      const head = `${instant(finding.at)}  ${finding.kind}  ${finding.entity}  ${finding.subject.slice(0, 12)}`
      output.lines(fit(clean(head), output.width))
      output.lines(output.paint('soft', fit(`  ${clean(JSON.stringify(finding.detail))}`, output.width)))
    }
    output.lines(stored.length === 0 ? 'Nothing was found.' : `${counted(stored.length, 'finding')}.`)
    return 'done'
  },
}
