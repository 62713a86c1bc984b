import type { Json } from '@twinspan/core'
import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import { numberBetween } from '../numbers.ts'
import { clean, counted, instant, wrap } from '../text.ts'

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
      const { at, kind, entity: of, subject } = finding
      output.lines(clean(`${instant(at)}  ${kind}  ${of}  ${subject.slice(0, 12)}`))
      const detail = wrap(clean(inWords(finding.detail)), output.width - 2)
      output.lines(...detail.map((line) => output.paint('soft', `  ${line}`)))
    }
    const more = stored.length === limit ? ', and perhaps more: --limit' : ''
    output.lines(stored.length === 0 ? 'Nothing was found.' : `${counted(stored.length, 'finding')}${more}.`)
    return 'done'
  },
}

/** The reason first, then what is neither empty nor no. */
function inWords(detail: Json): string {
  if (typeof detail !== 'object' || detail === null || Array.isArray(detail)) return JSON.stringify(detail)
  const { reason, ...rest } = detail as Readonly<Record<string, Json>>
  const facts = Object.entries(rest).flatMap(([name, value]) => {
    if (value === false || value === null || (Array.isArray(value) && value.length === 0)) return []
    if (value === true) return [name]
    return [`${name} ${Array.isArray(value) ? value.map(item).join(', ') : item(value)}`]
  })
  return [...(reason === undefined ? [] : [item(reason)]), ...facts].join(' · ')
}

function item(value: Json): string {
  if (typeof value === 'string') return value
  const { name, reason } = (value ?? {}) as { readonly name?: Json; readonly reason?: Json }
  return typeof name === 'string' && typeof reason === 'string' ? `${name} (${reason})` : JSON.stringify(value)
}
