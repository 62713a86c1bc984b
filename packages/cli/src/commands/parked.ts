import { findingSubject, type ParkedRow } from '@twinspan/core'
import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import { numberBetween } from '../numbers.ts'
import { clean, count, counted, wrap } from '../text.ts'

interface ParkedFlags {
  readonly reveal: 'nothing' | 'keys'
  readonly limit: number
}

export const parked: CommandDefinition<ParkedFlags> = {
  usage: 'parked [entities...]',
  summary: 'the rows that could not be copied and wait for somebody to look, with why',
  details: 'The oldest first. Status 1 as long as there are any: they keep the switch from happening.',
  examples: ['parked', 'parked users --reveal keys', 'parked --json'],
  options: [
    new Option('--reveal <what>', 'tell the keys, which may be personal data')
      .choices(['nothing', 'keys'])
      .default('nothing'),
    new Option('-n, --limit <number>', 'rows to show').default(50).argParser(numberBetween(1)),
  ],
  async run({ output, open }, { reveal, limit }, names) {
    const session = await open()
    const { migration } = session
    const wanted = new Set(session.entities(names).map(({ name }) => name))
    const { journal } = migration.sides[migration.snapshot.plan.primary]
    const subjectOf = await findingSubject(migration.store)
    // Those of other entities are not shown, and the journal has no other way to leave them out.
    const rows = (await journal.parked({ limit: MOST })).filter(({ entity }) => wanted.has(entity))
    for (const { id, entity, key, attempts, error } of rows.slice(0, limit)) {
      const subject = subjectOf(entity, key)
      const told = reveal === 'keys' ? { key } : {}
      output.object({ type: 'parked', entity, subject, ...told, attempts, error, id })
      const who = reveal === 'keys' ? clean(key) : subject.slice(0, 12)
      output.lines(`  ${output.paint('bad', clean(entity))} ${who}  ${counted(attempts, 'attempt')}`)
      output.lines(...wrap(clean(error), output.width - 4).map((line) => `    ${output.paint('soft', line)}`))
    }
    output.lines(...lastLines(rows, limit))
    return rows.length === 0 ? 'done' : 'blocked'
  },
}

const MOST = 10_000

function lastLines(rows: readonly ParkedRow[], limit: number): readonly string[] {
  if (rows.length === 0) return ['Nothing is parked.']
  const all = `${rows.length === MOST ? 'at least ' : ''}${counted(rows.length, 'row')} parked`
  const shown = rows.length > limit ? `, the first ${count(limit)} shown` : ''
  return ['', `${all}${shown}. Mend what is in their way, then: twinspan retry`]
}
