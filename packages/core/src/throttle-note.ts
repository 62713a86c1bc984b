import type { Json, MigrationStore } from './state-store.ts'

/** What holds a backfill back. */
export interface HeldBack {
  /** As in `BackfillProgress.throttledBy`; `null`: nothing. */
  readonly by: string | null
  /** What was read of it and what it must not exceed, milliseconds but for a share; `null` where it is no number. */
  readonly value: number | null
  readonly limit: number | null
  /** Of a signal that is lost: why. */
  readonly why: string | null
  /** For how long it has done so without a break. */
  readonly forMs: number
}

/**
 * What holds the backfill of an entity back, as the worker has it that spoke last: the document `backfill-throttle:<entity>`.
 * Written when it changes and every ten seconds while it lasts, never in the way of the work.
 */
export interface ThrottleNote extends HeldBack {
  readonly incarnation: string
  /** Milliseconds since 1970, by the clock of the process that wrote it. */
  readonly at: number
}

/** A worker that has said nothing for so long is not held back any more, or not alive. */
const NOTE_LASTS_MS = 30_000

export function throttleDocument(entity: string): string {
  return `backfill-throttle:${entity}`
}

/** What holds a backfill back at the time `now`; `undefined`: nothing, as far as the store knows. */
export async function readThrottleNote(
  store: MigrationStore,
  entity: string,
  now: number,
): Promise<ThrottleNote | undefined> {
  const note = (await store.getDocument(throttleDocument(entity)))?.value as unknown as ThrottleNote | null | undefined
  if (note === undefined || note === null || note.by === null || now - note.at > NOTE_LASTS_MS) return undefined
  return note
}

export async function writeThrottleNote(store: MigrationStore, entity: string, note: ThrottleNote): Promise<void> {
  await store.putDocument(throttleDocument(entity), note as unknown as Json)
}

/** `legacy-latency at 41 of 8 ms for 12 s`, for people. */
export function describeHeldBack({ by, value, limit, why, forMs }: HeldBack): string {
  const unit = by === 'legacy-load' ? '' : ' ms'
  const figures = value === null ? '' : ` at ${value}${limit === null ? '' : ` of ${limit}`}${unit}`
  const lost = why === null ? '' : ` (${why})`
  const since = forMs < 1_000 ? '' : ` for ${Math.round(forMs / 1_000)} s`
  return `${by ?? 'nothing'}${figures}${lost}${since}`
}
