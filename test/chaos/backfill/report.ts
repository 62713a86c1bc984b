import type { Findings } from './judge.ts'
import type { Mapping } from './messages.ts'
import type { Repetitions } from './repetitions.ts'

export interface BackfillReport extends Findings, Repetitions {
  readonly legacy: 'postgres' | 'mariadb'
  readonly mapping: Mapping
  /** Chunks that travelled as text. */
  readonly asText: number
  readonly seed: number
  readonly rows: number
  readonly seconds: number
  /** By where the worker died. */
  readonly kills: Readonly<Record<string, number>>
  /** As the last worker tells: rows read and inserted by all of them, and keys that the mirror was asked to look at. */
  readonly copied: { readonly rows: number; readonly inserted: number; readonly marked: number }
  readonly acknowledged: number
  readonly unknown: number
  /** What users were told. */
  readonly errors: readonly string[]
  /** Workers that ended by themselves before history was copied. */
  readonly failures: readonly string[]
}

/** What must not be found, each with what it is called. */
const FAILURES = {
  duplicates: 'rows that are there twice',
  resurrected: 'deleted rows that are back',
  overwritten: 'newer rows overwritten',
  missing: 'rows missing',
  different: 'rows that differ otherwise',
  lost: 'acknowledged writes lost',
  errors: 'errors that users saw',
  failures: 'workers that ended by themselves',
} as const satisfies Partial<Record<keyof BackfillReport, string>>

const FAILURE_NAMES = Object.keys(FAILURES) as readonly (keyof typeof FAILURES)[]

/** No row twice, none back, none older, none lost, and no death that cost more than one chunk. */
export function isClean(report: BackfillReport): boolean {
  return (
    FAILURE_NAMES.every((name) => report[name].length === 0) &&
    report.mostRepeatedChunks <= 1 &&
    report.skippedChunks === 0
  )
}

const WIDTH = 40
const SHOWN = 10

/** A report for people, line by line. */
export function render(report: BackfillReport): readonly string[] {
  const line = (what: string, figure: number | string): string => `  ${what.padEnd(WIDTH)} ${figure}`
  const { kills, copied } = report
  return [
    line('legacy, mapping', `${report.legacy}, ${report.mapping}`),
    line('seed', report.seed),
    line('rows of history', report.rows),
    line('seconds', report.seconds),
    line(
      'kills',
      Object.values(kills).reduce((sum, one) => sum + one, 0),
    ),
    ...Object.entries(kills).map(([at, figure]) => line(`  ${at}`, figure)),
    line('chunks, as text', `${report.chunks}, ${report.asText}`),
    line('most chunks repeated after a kill', report.mostRepeatedChunks),
    ...Object.entries(report.repeatedChunks).map(([chunks, deaths]) => line(`  kills that cost ${chunks}`, deaths)),
    line('rows repeated', report.repeatedRows),
    line('most chunks read again after a kill', report.mostReadAgain),
    line('chunks skipped', report.skippedChunks),
    line('rows read, as the checkpoint has it', copied.rows),
    line('rows inserted', copied.inserted),
    line('keys handed to the mirror', copied.marked),
    line('writes acknowledged', report.acknowledged),
    line('writes unknown', report.unknown),
    line('rows on legacy, on target', `${report.legacyRows}, ${report.targetRows}`),
    line('deleted rows back for a moment', report.backForAMoment),
    ...FAILURE_NAMES.map((name) => line(FAILURES[name], report[name].length)),
    ...FAILURE_NAMES.flatMap((name) => report[name].slice(0, SHOWN).map((what) => `  ! ${FAILURES[name]}: ${what}`)),
  ]
}
