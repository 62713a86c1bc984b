import type { SweepRecord } from '@twinspan/core'
import { describePattern } from '../patterns.ts'
import { outcomeOf } from './exit-status.ts'

const WORDS = {
  equal: 'Both sides hold the same.',
  drift: 'The sides have drifted apart.',
  undecided: 'Some keys never stood still long enough to tell.',
}

/** A sweep's record for people, as the lines of a terminal. */
export function sweepTable(record: SweepRecord): string {
  const rows = sweepFigures(record)
  const width = Math.max(...rows.map(([label]) => label.length))
  const lines = [`${record.entity}: ${WORDS[outcomeOf(record)]}`, '']
  for (const [label, value] of rows) lines.push(`  ${label.padEnd(width)}  ${value}`)
  const patterns = record.patterns ?? []
  if (patterns.length > 0)
    lines.push('', '  What they have in common:', ...patterns.map((one) => `    ${describePattern(one)}`))
  return lines.join('\n')
}

/** The figures that a report shows, each with its label. */
export function sweepFigures(record: SweepRecord): readonly (readonly [label: string, value: string])[] {
  const { rows, drift, undecided, repaired, parity, lowerBound95, primary, startedAt, finishedAt } = record
  const seconds = (finishedAt - startedAt) / 1000
  return [
    ['rows compared', count(rows)],
    ['drifted', repaired === 0 ? count(drift) : `${count(drift)} (${count(repaired)} repaired)`],
    ['undecided', count(undecided)],
    ['parity', percent(parity)],
    ['at least', percent(lowerBound95)],
    ['truth', primary],
    ['began', `${new Date(startedAt).toISOString().slice(0, 19).replace('T', ' ')} UTC`],
    ['took', `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`],
  ]
}

export function verdictOf(record: SweepRecord): string {
  return WORDS[outcomeOf(record)]
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** Rounded down: 99.999 % of ten million is not all of them. */
function percent(share: number): string {
  return share === 1 ? '100 %' : `${(Math.floor(share * 1e8) / 1e6).toFixed(6).replace(/0+$/, '').replace(/\.$/, '')} %`
}
