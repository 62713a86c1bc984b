import type { SweepRecord } from '@twinspan/core'
import type { Finding } from '../drift/finding.ts'

/** A finding as one line of JSON, without a line break. Keys and values are in it only where the sweep was told to reveal them. */
export function findingLine(finding: Finding): string {
  return JSON.stringify({ type: 'finding', ...finding }, plain)
}

/** The last line of a report. */
export function recordLine(record: SweepRecord): string {
  return JSON.stringify({ type: 'sweep', ...record }, plain)
}

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
