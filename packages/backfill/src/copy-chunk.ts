import { type BackfillRecord, type Key, keyText, redact, TranslationError, translateRow } from '@twinspan/core'
import { compareRange } from './compare-range.ts'
import { type BrokenRow, insertChunk } from './insert-chunk.ts'
import { type Job, mark } from './job.ts'
import type { ChunkClock } from './pace.ts'
import { quarantine } from './quarantine.ts'
import { reach } from './reach.ts'

/** What became of a chunk, as the checkpoint after it. Not stored yet. */
export interface CopiedChunk {
  readonly rows: number
  readonly next: BackfillRecord
}

/**
 * Copies one chunk. The order is the protocol: read, insert what is absent, commit, compare the keys as the sides hold
 * them, mark what only the target has. Only then may the caller store the checkpoint, because a crash before it makes
 * somebody repeat the comparison, and nothing else would.
 */
export async function copyChunk(
  job: Job,
  clock: ChunkClock,
  record: BackfillRecord,
  limit: number,
): Promise<CopiedChunk> {
  const { entity, settings } = job
  const end = job.shard?.through ?? null
  const range = { ...rangeAfter(record.through, limit), ...(end === null ? {} : { through: end }) }
  const rows = await clock.legacy(() => reach('legacy', () => entity.legacy.scan(range)))
  const isLast = rows.length < limit
  const through = isLast ? end : entity.keyOf('legacy', rows.at(-1))
  if (!isLast) assertAdvances(job, record.through, through)
  settings.signal.throwIfAborted()

  const translated = translateChunk(job, rows)
  const { inserted, conflicts, broken } = await insertChunk(job, translated.rows)
  const failed = [...translated.broken, ...broken]
  const failedKeys = failed.map((row) => row.key)

  const apart = new Set([...conflicts, ...failedKeys].map(keyText))
  const expected = translated.rows.map((row) => entity.keyOf('target', row)).filter((key) => !apart.has(keyText(key)))
  const { targetOnly, misplaced } = await compareRange(job, clock, { after: record.through, through }, expected)

  const quarantined = record.quarantined + failed.length
  await quarantine(job, failed, quarantined + (job.shard?.quarantinedElsewhere ?? 0))
  const marked = [...conflicts, ...failedKeys, ...targetOnly]
  await mark(job, clock, marked)

  const thorough = record.thorough || translated.withoutCounterpart || misplaced
  return {
    rows: rows.length,
    next: {
      ...record,
      through: through ?? (rows.length === 0 ? record.through : entity.keyOf('legacy', rows.at(-1))),
      scanned: isLast,
      thorough,
      // A shard is never done alone.
      done: isLast && !thorough && job.shard === null,
      rows: record.rows + rows.length,
      inserted: record.inserted + inserted,
      marked: record.marked + marked.length,
      quarantined,
      updatedAt: job.migration.now(),
    },
  }
}

export function rangeAfter(after: Key | null, limit: number): { readonly after?: Key; readonly limit: number } {
  return after === null ? { limit } : { after, limit }
}

interface TranslatedChunk {
  readonly rows: readonly unknown[]
  readonly broken: readonly BrokenRow[]
  /** A row that the target is to hold none for. */
  readonly withoutCounterpart: boolean
}

function translateChunk({ entity }: Job, legacyRows: readonly unknown[]): TranslatedChunk {
  const rows: unknown[] = []
  const broken: BrokenRow[] = []
  let withoutCounterpart = false
  for (const row of legacyRows) {
    try {
      const translated = translateRow(entity, 'legacy', row)
      if (translated === null) withoutCounterpart = true
      else rows.push(translated)
    } catch (error) {
      if (!(error instanceof TranslationError)) throw error
      broken.push({ key: entity.keyOf('legacy', row), why: redact(error) })
    }
  }
  return { rows, broken, withoutCounterpart }
}

/** A scan that does not honour `after` would go round in circles. */
function assertAdvances({ entity }: Job, from: Key | null, through: Key | null): void {
  if (from === null || through === null || keyText(from) !== keyText(through)) return
  throw new TypeError(`The scan of legacy "${entity.name}" returned the key that it was to begin after.`)
}
