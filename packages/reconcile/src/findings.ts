import { type FindingRecord, findingSubject, type Json, keyText } from '@twinspan/core'
import type { Comparison } from './comparison.ts'
import { FINDING_KIND, type Finding } from './finding.ts'
import type { Drift } from './suspects.ts'

/** Turns drift into findings, and keeps them in the migration's store. */
export interface FindingBook {
  finding(drift: Drift, marked: boolean): Finding
  /** Stores findings, as many as it has room for. */
  store(findings: readonly Finding[]): Promise<void>
  /** Notes at stored findings that they were repaired. */
  settle(findings: readonly Finding[]): Promise<void>
  /** Forgets what earlier comparisons stored and this one did not find again. */
  forgetOthers(): Promise<void>
}

/** A bulk difference is described well enough by its first findings. */
const MOST_STORED = 1_000

export async function openFindings(comparison: Comparison): Promise<FindingBook> {
  const { migration, entity, settings } = comparison
  const subjectOf = await findingSubject(migration.store, settings.findingSecret)
  const stored = new Set<string>()

  return {
    finding({ key, difference, look }, marked) {
      const subject = subjectOf(entity.name, keyText(key))
      const { reason, fields } = difference
      const plain: Finding = { entity: entity.name, subject, reason, fields, marked }
      if (settings.reveal === 'nothing') return plain
      if (settings.reveal === 'keys') return { ...plain, key }
      const expected = 'row' in look.expected ? look.expected.row : null
      const actual = (look.actual ?? {}) as Readonly<Record<string, unknown>>
      const values = fields.map(({ name }) => [name, { expected: expected?.[name], actual: actual[name] }] as const)
      return { ...plain, key, values: Object.fromEntries(values) }
    },
    async store(findings) {
      const room = findings.slice(0, Math.max(0, MOST_STORED - stored.size))
      if (room.length === 0) return
      for (const { subject } of room) stored.add(subject)
      await migration.store.saveFindings(room.map((finding) => recordOf(finding, false)))
    },
    async settle(findings) {
      const known = findings.filter(({ subject }) => stored.has(subject))
      if (known.length > 0) await migration.store.saveFindings(known.map((finding) => recordOf(finding, true)))
    },
    async forgetOthers() {
      const kept = await migration.store.findings({ kind: FINDING_KIND, entity: entity.name, limit: 100_000 })
      const subjects = kept.map(({ subject }) => subject).filter((subject) => !stored.has(subject))
      if (subjects.length > 0)
        await migration.store.clearFindings({ kind: FINDING_KIND, entity: entity.name, subjects })
    },
  }
}

/** Without keys and values, whatever the application lets the finding itself tell. */
function recordOf({ entity, subject, reason, fields, marked }: Finding, repaired: boolean): FindingRecord {
  const detail: Json = {
    reason,
    fields: fields.map(({ name, reason: why }) => ({ name, reason: why })),
    marked,
    repaired,
  }
  return { kind: FINDING_KIND, entity, subject, detail }
}
