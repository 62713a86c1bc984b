import { type FindingRecord, findingSubject, type Json, keyText } from '@twinspan/core'
import type { Comparison } from '../comparison.ts'
import { difference as differenceOfValues } from '../values/compare-values.ts'
import { FINDING_KIND, type Finding, RAW_FINDING_KIND } from './finding.ts'
import type { Drift } from './suspects.ts'

/** Turns drift into findings, and keeps them in the migration's store. */
export interface FindingBook {
  finding(drift: Drift, marked: boolean): Finding
  /** Stores findings, as many as it has room for. */
  store(findings: readonly Finding[]): Promise<void>
  /** Notes at stored findings that they were repaired. */
  settle(findings: readonly Finding[]): Promise<void>
  /** The subjects of what is stored. */
  readonly subjects: ReadonlySet<string>
}

/** A bulk difference is described well enough by its first findings. */
const MOST_STORED = 1_000

export async function openFindings(comparison: Comparison): Promise<FindingBook> {
  const { migration, entity, secondary, settings, exact } = comparison
  const kind = kindOf(comparison)
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
      const values = fields.map(({ name }) => {
        const plainly = { expected: expected?.[name], actual: actual[name] }
        const wanted = 'row' in look.expected ? look.expected.exact?.get(name) : undefined
        const isSame = wanted !== undefined && differenceOfValues(plainly.expected, plainly.actual) === null
        // What a driver hands out may hide what differs.
        const exactly = { expected: wanted?.text, actual: exact.of(secondary, look.actual, name)?.text }
        return [name, isSame ? exactly : plainly] as const
      })
      return { ...plain, key, values: Object.fromEntries(values) }
    },
    async store(findings) {
      const room = findings.slice(0, Math.max(0, MOST_STORED - stored.size))
      if (room.length === 0) return
      for (const { subject } of room) stored.add(subject)
      await migration.store.saveFindings(room.map((finding) => recordOf(kind, finding, false)))
    },
    async settle(findings) {
      const known = findings.filter(({ subject }) => stored.has(subject))
      if (known.length > 0) await migration.store.saveFindings(known.map((finding) => recordOf(kind, finding, true)))
    },
    subjects: stored,
  }
}

/** Forgets what earlier comparisons stored and a complete one did not find again. */
export async function forgetOthers(comparison: Comparison, found: ReadonlySet<string>): Promise<void> {
  const { migration, entity } = comparison
  const kind = kindOf(comparison)
  const kept = await migration.store.findings({ kind, entity: entity.name, limit: 100_000 })
  const subjects = kept.map(({ subject }) => subject).filter((subject) => !found.has(subject))
  if (subjects.length > 0) await migration.store.clearFindings({ kind, entity: entity.name, subjects })
}

/** What is found without the translation is no drift that a mirror could mend, and is filed elsewhere. */
function kindOf({ settings }: Comparison): string {
  return settings.raw === undefined ? FINDING_KIND : RAW_FINDING_KIND
}

/** Without keys and values, whatever the application lets the finding itself tell. */
function recordOf(
  kind: string,
  { entity, subject, reason, fields, marked }: Finding,
  repaired: boolean,
): FindingRecord {
  const detail: Json = {
    reason,
    fields: fields.map(({ name, reason: why }) => ({ name, reason: why })),
    marked,
    repaired,
  }
  return { kind, entity, subject, detail }
}
