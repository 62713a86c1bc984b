import type { CaptureMode } from '@twinspan/core'
import type { Verdict } from './history.ts'
import type { Subject } from './messages.ts'

type Counts = Readonly<Record<string, number>>

export interface CampaignReport extends Verdict {
  readonly subject: Subject
  readonly legacy: 'postgres' | 'mariadb'
  readonly capture: CaptureMode
  readonly seed: number
  readonly seconds: number
  /** Processes killed: at random, and at each failpoint. */
  readonly kills: Counts
  /** Other faults injected, by their kind. */
  readonly faults: Counts
  /** What workers changed: phases, switches and ways back, history copied, sweeps. */
  readonly changes: Counts
  /** What was refused to them, by the reason. */
  readonly refused: Counts
  readonly processes: number
  readonly reads: number
  /** Errors that a user of the bare primary could have met as well, by what they said. */
  readonly dueErrors: Counts
  /** Errors that a user of the bare legacy would not have seen. */
  readonly undueErrors: readonly string[]
  /** Processes that ended although nobody had told them to. */
  readonly crashes: readonly string[]
  /** Look-ups that did not find what the same user had left there. */
  readonly missed: readonly string[]
  /** What sweeps found to differ while nothing in the journal explained it. */
  readonly drift: readonly string[]
  /** The longest call while neither the primary was hurt nor a process stood still, in milliseconds. */
  readonly slowestMs: number
  readonly maxJournalDepth: number
  /** From the last fault, the users gone, to an empty journal. */
  readonly drainMs: number
}

/** What a campaign must not find, each with what it found. */
const FAILURES = ['lost', 'lostMeanwhile', 'divergent', 'missed', 'undueErrors', 'crashes', 'drift'] as const

export function isClean(report: CampaignReport): boolean {
  return FAILURES.every((failure) => report[failure].length === 0)
}

function total(counts: Counts): number {
  return Object.values(counts).reduce((sum, one) => sum + one, 0)
}

const WIDTH = 40
const SHOWN = 10

/** A report for people, line by line. */
export function render(report: CampaignReport): readonly string[] {
  const line = (what: string, figure: number | string): string => `  ${what.padEnd(WIDTH)} ${figure}`
  const list = (counts: Counts): readonly string[] =>
    Object.entries(counts)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, figure]) => line(`  ${what}`, figure))
  return [
    line('subject', report.subject),
    line('legacy, capture', `${report.legacy}, ${report.capture}`),
    line('seed', report.seed),
    line('seconds', report.seconds),
    line('processes', report.processes),
    line('kills', total(report.kills)),
    ...list(report.kills),
    line('other faults', total(report.faults)),
    ...list(report.faults),
    line('changes', total(report.changes)),
    ...list(report.changes),
    line('writes acknowledged', report.acknowledged),
    line('writes unknown', report.unknown),
    line('reads', report.reads),
    line('errors that the primary explains', total(report.dueErrors)),
    line('slowest call otherwise', `${Math.round(report.slowestMs)} ms`),
    line('deepest journal', report.maxJournalDepth),
    line('drained in', `${report.drainMs} ms`),
    ...FAILURES.map((failure) => line(NAMES[failure], report[failure].length)),
    ...FAILURES.flatMap((failure) => report[failure].slice(0, SHOWN).map((what) => `  ! ${NAMES[failure]}: ${what}`)),
  ]
}

const NAMES: Readonly<Record<(typeof FAILURES)[number], string>> = {
  lost: 'writes lost',
  lostMeanwhile: 'writes lost meanwhile',
  divergent: 'keys divergent',
  missed: 'own writes not found',
  undueErrors: 'errors that the primary does not explain',
  crashes: 'processes that ended by themselves',
  drift: 'keys that sweeps found to drift',
}
