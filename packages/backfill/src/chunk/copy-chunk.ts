import { type BackfillRecord, type Key, keyText, redact, TranslationError, translateRow } from '@twinspan/core'
import { type Job, mark } from '../job.ts'
import type { ChunkClock } from '../throttle/pace.ts'
import { compareRange } from './compare-range.ts'
import { type BrokenRow, type ChunkInserts, insertChunk, insertTexts } from './insert-chunk.ts'
import { quarantine } from './quarantine.ts'
import { type ReadChunk, readChunk } from './read-chunk.ts'
import type { TextRoad } from './text-road.ts'

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
  read: ReadChunk,
  road: TextRoad,
): Promise<CopiedChunk> {
  const { settings } = job
  assertAdvances(job, read)
  settings.signal.throwIfAborted()
  const moved = (await moveTexts(job, read, road)) ?? (await moveRows(job, await asRows(job, clock, read)))
  const { stretch, isLast, keys, translated } = moved
  const failed = [...moved.untranslated, ...moved.broken]
  const failedKeys = failed.map((row) => row.key)

  const apart = new Set([...moved.conflicts, ...failedKeys].map(keyText))
  const expected = apart.size === 0 ? moved.expected : moved.expected.filter((key) => !apart.has(keyText(key)))
  const { targetOnly, misplaced } = await compareRange(job, clock, stretch, expected)

  const quarantined = record.quarantined + failed.length
  await quarantine(job, failed, quarantined + (job.shard?.quarantinedElsewhere ?? 0))
  const marked = [...moved.conflicts, ...failedKeys, ...targetOnly]
  await mark(job, clock, marked)
  if (marked.length === 0 && translated !== undefined) await road.prove(clock, stretch, moved.rows, translated)

  const thorough = record.thorough || moved.withoutCounterpart || misplaced
  return {
    rows: keys.length,
    next: {
      ...record,
      through: stretch.through ?? keys.at(-1) ?? record.through,
      scanned: isLast,
      thorough,
      // A shard is never done alone, and a tail comes after the last chunk.
      done: isLast && !thorough && job.shard === null && settings.tail === undefined,
      rows: record.rows + keys.length,
      inserted: record.inserted + moved.inserted,
      marked: record.marked + marked.length,
      quarantined,
      updatedAt: job.migration.now(),
    },
  }
}

/** A chunk after its insert has committed. */
interface MovedChunk extends ChunkInserts, Pick<ReadChunk, 'stretch' | 'isLast' | 'rows'> {
  /** What legacy had. */
  readonly keys: readonly Key[]
  /** What the target is to have, conflicts and broken rows among them. */
  readonly expected: readonly Key[]
  readonly untranslated: readonly BrokenRow[]
  /** A row that the target is to hold none for. */
  readonly withoutCounterpart: boolean
  /** `undefined` where nothing was translated. */
  readonly translated: readonly unknown[] | undefined
}

/** `undefined` where the rows have to go one by one. */
async function moveTexts(job: Job, read: ReadChunk, { plan }: TextRoad): Promise<MovedChunk | undefined> {
  if (read.texts === undefined || plan === undefined) return undefined
  const inserts = await insertTexts(job, read.epoch, read.stretch, read.texts, plan.target)
  if (inserts === undefined) return undefined
  const { keys } = read.texts
  return {
    ...read,
    ...inserts,
    keys,
    expected: keys,
    untranslated: [],
    withoutCounterpart: false,
    translated: undefined,
  }
}

/** The same chunk as rows, read once more where it was text. */
function asRows(job: Job, clock: ChunkClock, read: ReadChunk): ReadChunk | Promise<ReadChunk> {
  return read.texts === undefined ? read : readChunk(job, clock, read.stretch.after, read.limit, undefined)
}

async function moveRows(job: Job, read: ReadChunk): Promise<MovedChunk> {
  const { keys, rows, expected, broken, withoutCounterpart } = translateChunk(job, read.rows)
  const inserts = await insertChunk(job, read.epoch, rows)
  return { ...read, ...inserts, keys, expected, untranslated: broken, withoutCounterpart, translated: rows }
}

interface TranslatedChunk {
  readonly keys: readonly Key[]
  readonly rows: readonly unknown[]
  /** Of `rows`. */
  readonly expected: readonly Key[]
  readonly broken: readonly BrokenRow[]
  readonly withoutCounterpart: boolean
}

function translateChunk({ entity }: Job, legacyRows: readonly unknown[]): TranslatedChunk {
  const keys = legacyRows.map((row) => entity.keyOf('legacy', row))
  const rows: unknown[] = []
  const expected: Key[] = []
  const broken: BrokenRow[] = []
  let withoutCounterpart = false
  for (const row of legacyRows) {
    try {
      const translated = translateRow(entity, 'legacy', row)
      if (translated === null) withoutCounterpart = true
      else {
        expected.push(entity.keyOf('target', translated))
        rows.push(translated)
      }
    } catch (error) {
      if (!(error instanceof TranslationError)) throw error
      broken.push({ key: entity.keyOf('legacy', row), why: redact(error) })
    }
  }
  return { keys, rows, expected, broken, withoutCounterpart }
}

/** A scan that does not honour `after` would go round in circles. */
function assertAdvances({ entity }: Job, { stretch: { after, through }, isLast }: ReadChunk): void {
  if (isLast || after === null || through === null || keyText(after) !== keyText(through)) return
  throw new TypeError(`The scan of legacy "${entity.name}" returned the key that it was to begin after.`)
}
