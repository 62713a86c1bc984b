import type { Json, StoredFinding } from '@twinspan/core'
import { clipText } from './clip.ts'

/** Findings that say the same of different records. */
export interface FindingGroup {
  readonly kind: string
  readonly entity: string
  readonly operation: string | null
  readonly field: string | null
  readonly reason: string | null
  readonly count: number
  /** When the newest was stored, in milliseconds since 1970. */
  readonly newest: number
}

type Place = Pick<FindingGroup, 'operation' | 'field' | 'reason'>

/** Findings by field and reason, the most frequent first. Reads names and reasons alone: a finding may hold values. */
export function groupFindings(findings: readonly StoredFinding[]): readonly FindingGroup[] {
  const groups = new Map<string, FindingGroup>()
  for (const finding of findings) {
    for (const place of placesOf(finding.detail)) {
      const { at } = finding
      const same = { kind: clipText(finding.kind), entity: clipText(finding.entity), ...place }
      const name = JSON.stringify(same)
      const { count, newest } = groups.get(name) ?? { count: 0, newest: 0 }
      groups.set(name, { ...same, count: count + 1, newest: Math.max(newest, at) })
    }
  }
  return [...groups.values()].sort((a, b) => b.count - a.count || b.newest - a.newest)
}

/** The fields that a finding speaks of; one place without a field where it speaks of the record. */
function placesOf(detail: Json): readonly Place[] {
  if (!isRecord(detail)) return [{ operation: null, field: null, reason: null }]
  const operation = textIn(detail['operation'])
  const reason = textIn(detail['reason']) ?? textIn(detail['outcome']) ?? textIn(detail['error'])
  const fields = Array.isArray(detail['fields']) ? (detail['fields'] as readonly Json[]) : []
  const places = fields.flatMap((field): readonly Place[] => {
    if (typeof field === 'string') return [{ operation, field: clipText(field), reason }]
    if (!isRecord(field)) return []
    return [{ operation, field: textIn(field['name']), reason: textIn(field['reason']) ?? reason }]
  })
  return places.length > 0 ? places : [{ operation, field: null, reason }]
}

function textIn(value: Json | undefined): string | null {
  return typeof value === 'string' ? clipText(value) : null
}

function isRecord(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
