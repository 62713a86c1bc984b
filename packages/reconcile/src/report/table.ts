import type { SweepRecord } from '@twinspan/core'
import { describePattern } from '../drift/patterns.ts'
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
  const remarks = remarksOn(record)
  if (remarks.length > 0) lines.push('', ...remarks.map((remark) => `  ${remark}`))
  return lines.join('\n')
}

/** What has to be said beside the figures. */
export function remarksOn({ raw, readsRowsBecause, warnings = [], normalized = {} }: SweepRecord): readonly string[] {
  const others = warnings.filter((warning) => warning !== readsRowsBecause)
  const forgiven = Object.entries(normalized).map(([column, times]) => `${column}: ${count(times)}`)
  return [
    ...(raw === true ? ['Columns were compared as they are, without the translation.'] : []),
    ...(readsRowsBecause === undefined ? [] : [`Rows were read: ${readsRowsBecause}.`]),
    ...others.map((warning) => `Warning: ${warning}.`),
    ...(forgiven.length === 0 ? [] : [`Values that were the same only once normalized: ${forgiven.join(', ')}.`]),
  ]
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
