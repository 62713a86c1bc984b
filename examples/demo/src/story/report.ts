import { styleText } from 'node:util'
import type { Difference } from '../audit/compare.ts'
import type { LostWrite } from '../audit/ledger-check.ts'
import type { TrafficSummary } from '../traffic/stats.ts'
import { count, milliseconds, plural, seconds } from './format.ts'

export interface StepTime {
  /** The migration's phase at the end of the step. */
  readonly phase: string
  readonly step: string
  readonly seconds: number
  readonly acknowledgedWrites: number
  readonly slowestWriteMs: number
}

/** What the demo claims, in numbers. Written as JSON and printed. */
export interface Report {
  readonly ok: boolean
  /** What is wrong, one sentence each. */
  readonly failures: readonly string[]
  readonly acknowledgedWrites: number
  readonly lost: number
  readonly lostWrites: readonly LostWrite[]
  readonly rowsCompared: number
  /** Rows written after legacy was frozen: only the ledger can judge them. */
  readonly rowsWrittenAfterFreeze: number
  readonly differing: number
  readonly differences: readonly Difference[]
  readonly userErrors: number
  readonly longestWritePauseMs: number
  /** The step of the story in which it happened. */
  readonly longestWritePauseIn: string
  readonly logins: number
  readonly loginsUpgraded: number
  readonly refusedLogins: number
  readonly staleReads: number
  readonly requests: number
  readonly kills: readonly string[]
  readonly steps: readonly StepTime[]
  readonly seconds: number
  readonly traffic: Omit<TrafficSummary, 'writes'>
}

const NAMED = 10

/** The reasons for which a report is not good enough. */
export function failuresOf(report: Omit<Report, 'ok' | 'failures'>): string[] {
  const { acknowledgedWrites, lost, rowsCompared, differing, userErrors } = report
  return [
    ...(acknowledgedWrites === 0 ? ['No write was acknowledged, so nothing was shown.'] : []),
    ...(rowsCompared === 0 ? ['No row was compared, so nothing was shown.'] : []),
    ...(lost > 0 ? [`Lost: ${plural(lost, 'acknowledged write')}.`] : []),
    ...(differing > 0 ? [`Different in the two databases: ${plural(differing, 'row')}.`] : []),
    ...(userErrors > 0 ? [`Users saw ${plural(userErrors, 'error')}.`] : []),
  ]
}

export function printReport(report: Report, print: (line: string) => void): void {
  const figure = (name: string, value: string, note = ''): void =>
    print(`    ${name.padEnd(24)}${value.padStart(12)}  ${note}`.trimEnd())
  const zero = (name: string, value: number): void =>
    figure(name, count(value), value === 0 ? styleText('green', '✓') : styleText('red', '✗ must be 0'))

  print('')
  print(`  ${styleText('bold', 'Report')}`)
  print('')
  figure('acknowledged writes', count(report.acknowledgedWrites))
  zero('lost', report.lost)
  figure(
    'rows compared',
    count(report.rowsCompared),
    styleText('dim', `and ${count(report.rowsWrittenAfterFreeze)} written after the freeze, held against the ledger`),
  )
  zero('differing', report.differing)
  figure('requests', count(report.requests))
  zero('errors users saw', report.userErrors)
  figure(
    'longest write pause',
    milliseconds(report.longestWritePauseMs),
    styleText('dim', `during ${report.longestWritePauseIn}`),
  )
  figure(
    'logins',
    count(report.logins),
    styleText(
      'dim',
      `${count(report.loginsUpgraded)} upgraded from bcrypt to Argon2id, ${count(report.refusedLogins)} wrong passwords refused`,
    ),
  )
  figure('kills', count(report.kills.length), styleText('dim', report.kills.join(', ')))
  print('')
  const line = (phase: string, step: string, time: string, writes: string, slowest: string): string =>
    `    ${phase.padEnd(16)}${step.padEnd(20)}${time.padStart(9)}${writes.padStart(9)}${slowest.padStart(15)}`
  print(styleText('dim', line('phase', 'step', 'time', 'writes', 'slowest write')))
  let last = ''
  for (const { phase, step, seconds: time, acknowledgedWrites, slowestWriteMs } of report.steps) {
    const slowest = acknowledgedWrites === 0 ? '' : milliseconds(slowestWriteMs)
    print(line(phase === last ? '' : phase, step, seconds(time), count(acknowledgedWrites), slowest))
    last = phase
  }
  print(styleText('dim', line('all', '', seconds(report.seconds), '', '')))
  print('')
  for (const { n, operation, entity, key, at, fields } of report.lostWrites.slice(0, NAMED)) {
    print(`  ${styleText('red', '✗')} lost: write ${n} of the ledger, ${operation} of ${entity} ${key}`)
    print(`    acknowledged at ${at}, differs in ${fields.join(', ')}`)
  }
  for (const { entity, key, fields } of report.differences.slice(0, NAMED)) {
    print(`  ${styleText('red', '✗')} differs: ${entity} ${key} in ${fields.join(', ')}`)
  }
  for (const error of report.traffic.firstErrors.slice(0, NAMED)) {
    print(`  ${styleText('red', '✗')} ${error.what}: ${error.status || 'no answer'} ${error.detail}`)
  }
  print(
    report.ok
      ? `  ${styleText(['bold', 'green'], 'Every acknowledged write is where it belongs.')}`
      : `  ${styleText(['bold', 'red'], report.failures.join(' '))}`,
  )
  print('')
}
