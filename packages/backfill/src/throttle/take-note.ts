import { type Entity, type HeldBack, type Migration, writeThrottleNote } from '@twinspan/core'

/** How often a note is renewed that says the same. */
const AGAIN_MS = 10_000
/** How soon one is followed by another. */
const SOONEST_MS = 1_000

/** Leaves a note in the store of what holds the backfill back, for those who watch from other processes. */
export interface NoteTaker {
  note(held: HeldBack): void
  /** Takes back what was noted. */
  end(): Promise<void>
}

/** One note at a time, and none that could not be written stops anything. */
export function createNoteTaker(migration: Migration, { name }: Entity): NoteTaker {
  let said: string | null = null
  let saidAt = Number.NEGATIVE_INFINITY
  let writing: Promise<void> | undefined

  function note(held: HeldBack): void {
    const at = migration.now()
    if (writing !== undefined || at - saidAt < (held.by === said ? AGAIN_MS : SOONEST_MS)) return
    if (held.by === null && said === null) return
    write(held, at)
  }

  function write(held: HeldBack, at: number): void {
    said = held.by
    saidAt = at
    const { incarnation } = migration.snapshot
    writing = writeThrottleNote(migration.store, name, { ...held, incarnation, at })
      .catch(() => {})
      .finally(() => {
        writing = undefined
      })
  }

  return {
    note,
    async end() {
      await writing
      if (said !== null) write({ by: null, value: null, limit: null, why: null, forMs: 0 }, migration.now())
      await writing
    },
  }
}
