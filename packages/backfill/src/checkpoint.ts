import {
  type BackfillRecord,
  JobClaimedError,
  type Json,
  keyToJson,
  type Migration,
  readBackfillDocument,
} from '@twinspan/core'
import { reach } from './reach.ts'

/** What the backfill has reached, as the store knows it. */
export interface Checkpoint {
  readonly record: BackfillRecord
  /**
   * Moves on, by compare-and-set.
   *
   * @throws JobClaimedError when another worker has moved it: this one is not the worker any more
   */
  save(next: BackfillRecord): Promise<void>
}

/** Rows in the first chunk of a table that nobody knows yet. */
const FIRST_CHUNK_ROWS = 500

/** The record of a backfill that has not read a row. */
export function newRecord({ snapshot, now }: Migration, entity: string): BackfillRecord {
  return {
    entity,
    incarnation: snapshot.incarnation,
    epoch: snapshot.epoch,
    through: null,
    scanned: false,
    thorough: false,
    done: false,
    rows: 0,
    inserted: 0,
    marked: 0,
    quarantined: 0,
    chunkRows: FIRST_CHUNK_ROWS,
    startedAt: now(),
    updatedAt: now(),
  }
}

/**
 * Opens the checkpoint that is stored as `name`.
 *
 * @param choose what to go on from, given what is stored; not stored itself before the first `save`
 * @param onRecord told what the record is, now and after every save
 */
export async function openCheckpoint(
  migration: Migration,
  name: string,
  choose: (stored: BackfillRecord | undefined) => BackfillRecord | Promise<BackfillRecord>,
  onRecord: (record: BackfillRecord) => void,
): Promise<Checkpoint> {
  const stored = await reach('store', () => readBackfillDocument(migration.store, name))
  let version = stored?.version ?? 0
  let record = await choose(stored?.record)
  let unsure: Json | undefined
  onRecord(record)

  return {
    get record() {
      return record
    },
    async save(next) {
      const value = toJson(next)
      // The write before failed, and may have taken place all the same.
      if (unsure !== undefined && (await isStored(migration, name, unsure, version + 1))) version += 1
      unsure = value
      const written = await reach('store', () => migration.store.putDocument(name, value, { expected: version }))
      unsure = undefined
      if (!written) throw new JobClaimedError(name)
      version += 1
      record = next
      onRecord(record)
    },
  }
}

function toJson({ through, bounds, ...rest }: BackfillRecord): Json {
  const cut = bounds === undefined ? {} : { bounds: bounds.map(keyToJson) }
  return { ...rest, ...cut, through: keyToJson(through) } as unknown as Json
}

/** Another attempt's record is not ours, and a stay in `off` let writes pass that nothing captured. */
export async function isValid(migration: Migration, record: BackfillRecord): Promise<boolean> {
  if (record.incarnation !== migration.snapshot.incarnation) return false
  const audit = await reach('store', () => migration.store.readAudit({ limit: 10_000 }))
  return !audit.some((entry) => entry.action === 'phase' && entry.to === 'off' && entry.epoch > record.epoch)
}

/** Whether a write whose acknowledgement was lost has taken place. */
async function isStored(migration: Migration, name: string, value: Json, version: number): Promise<boolean> {
  const found = await reach('store', () => migration.store.getDocument(name))
  return found?.version === version && canonical(found.value) === canonical(value)
}

/** The text of a flat record, whatever order the store gives the fields back in. */
function canonical(value: Json): string {
  return JSON.stringify(Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1)))
}
