import type { Finding } from '@twinspan/reconcile'
import type { Output } from './output.ts'
import { clean, count, wrap } from './text.ts'

/** Tells of findings: all of them to machines, at once, and to people at the end no more of them than they read. */
export interface FindingTeller {
  tell(finding: Finding): void
  /** Nothing is written before: a bar may be at work. Says how many were left out, and begins anew. */
  end(hint: string): void
}

/** What a person reads of one entity. */
const MOST = 20

export function createFindingTeller(output: Output): FindingTeller {
  let told = 0
  let lines: string[] = []
  return {
    tell(finding) {
      output.object({ type: 'finding', ...finding })
      told += 1
      if (told <= MOST) lines.push(...findingLines(output, finding))
    },
    end(hint) {
      output.lines(...lines)
      if (told > MOST) output.lines(output.paint('soft', `  ... and ${count(told - MOST)} more; ${hint}`))
      if (told > 0) output.lines('')
      told = 0
      lines = []
    },
  }
}

function findingLines(output: Output, { entity, subject, reason, fields, key, values }: Finding): readonly string[] {
  const who = key === undefined ? subject.slice(0, 12) : clean(JSON.stringify(key, plain))
  const named = fields.map(({ name, reason: why }) => {
    const value = values?.[name]
    return value === undefined ? `${name} (${why})` : `${name} ${clean(JSON.stringify(value, plain) ?? '')}`
  })
  const [first = '', ...more] = wrap(`${reason}  ${entity} ${who}  ${named.join(', ')}`.trimEnd(), output.width - 4)
  return [`  ${first}`, ...more.map((line) => `    ${line}`)].map((line) => output.paint('bad', line))
}

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
