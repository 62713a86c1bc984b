import { type AuditEntry, type Json, type MigrationStore, UnavailableError } from '@twinspan/core'

/** The name of the document in the migration's store that remembers what follows a switch. */
const CUTOVER_DOCUMENT = 'cutover'

/** What the document holds. */
export type CutoverRecord = {
  /** When `complete` began, by the target's clock, and in which epoch. `null` before. */
  readonly completed: { readonly at: number; readonly epoch: number } | null
  /** Legacy came back from `complete` and lacks what was written meanwhile. `null`: it lacks nothing. */
  readonly resync: Resync | null
  /** The last archive that was finished and read back. */
  readonly archive: ArchiveNote | null
}

export type Resync = {
  /** A full sweep counts when it ran in this epoch or a later one, and began after `since`. */
  readonly epoch: number
  /** Since when every live process captures again, by the clock of the process that saw it. `null`: not seen yet. */
  readonly since: number | null
}

export type ArchiveNote = {
  readonly at: number
  readonly epoch: number
  readonly incarnation: string
  readonly directory: string
  /** SHA-256 of the manifest. */
  readonly manifest: string
  readonly rows: number
}

const EMPTY: CutoverRecord = { completed: null, resync: null, archive: null }

export async function readCutoverRecord(store: MigrationStore): Promise<CutoverRecord> {
  return (await read(store)).record
}

async function read(store: MigrationStore): Promise<{ readonly record: CutoverRecord; readonly version: number }> {
  const document = await store.getDocument(CUTOVER_DOCUMENT)
  if (document === undefined || document.value === null) return { record: EMPTY, version: document?.version ?? 0 }
  return { record: { ...EMPTY, ...(document.value as Partial<CutoverRecord>) }, version: document.version }
}

/** Changes the record with a compare-and-set, again and again until nobody else changed it in between. */
export async function updateCutoverRecord(
  store: MigrationStore,
  change: (record: CutoverRecord) => CutoverRecord,
  audit?: AuditEntry,
): Promise<CutoverRecord> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const { record, version } = await read(store)
    const next = change(record)
    const options = audit === undefined ? { expected: version } : { expected: version, audit }
    if (await store.putDocument(CUTOVER_DOCUMENT, next as Json, options)) return next
  }
  throw new UnavailableError('The record of the cutover changes faster than it can be written.')
}
