import { PHASES, verdictOn } from '@twinspan/core'
import type { CommandDefinition } from '../command.ts'
import { clean, counted, wrap } from '../text.ts'

export const doctor: CommandDefinition<object> = {
  usage: 'doctor',
  summary: 'look at both databases for what a migration should not be built on',
  details: 'Reads settings, privileges, tables, keys and triggers. Changes no data of yours.',
  examples: ['doctor', 'doctor --json'],
  async run({ output, open }) {
    const { migration } = await open()
    const findings = await migration.doctor()
    const refusing = new Set(PHASES.flatMap((phase) => verdictOn(phase, findings, migration.acceptRisks).refusing))
    output.object({ migration: migration.name, refusing: refusing.size, findings, accepted: migration.acceptRisks })
    for (const finding of findings) {
      const { side, name, severity, detail } = finding
      const accepted = severity === 'refuse' && !refusing.has(finding)
      const word = accepted ? 'accepted' : severity === 'refuse' ? 'refuses ' : 'warns   '
      const paint = severity === 'refuse' && !accepted ? 'bad' : 'doubt'
      output.lines(`  ${output.paint(paint, word)}  ${side}: ${name}`)
      output.lines(...wrap(`${clean(detail)}.`, output.width - 12).map((line) => `            ${line}`))
    }
    if (findings.length === 0) output.lines(`${output.paint('good', 'Sound.')} Nothing was found on either side.`)
    else if (refusing.size === 0) output.lines('', 'Nothing stands in the way of a step.')
    else output.lines('', `${counted(refusing.size, 'finding')} to mend, or to name in acceptRisks.`)
    return refusing.size === 0 ? 'done' : 'blocked'
  },
}
