import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Migration, PhaseRefusedError, textOption } from '@twinspan/core'
import { ArchiveError } from '../errors.ts'
import { updateCutoverRecord } from '../record.ts'
import { bestCompression, EXTENSIONS } from './compression.ts'
import {
  type ArchivedEntity,
  FORMAT,
  MANIFEST,
  type Manifest,
  readManifest,
  refuseStrangers,
  UNFINISHED,
  writeManifest,
} from './manifest.ts'
import { type VerifyReport, verifyArchive } from './verify.ts'
import { writeEntity } from './write-entity.ts'

export interface ArchiveOptions {
  /** A directory of its own. Made when it does not exist; one that holds anything else is refused. */
  readonly to: string
  /** For the audit trail. @default 'unknown' */
  readonly actor?: string
  /** @default '' */
  readonly reason?: string
  /** Stops between pages. What is finished is kept, and the next `archive` into the same directory goes on from there. */
  readonly signal?: AbortSignal
  onProgress?(progress: { readonly entity: string; readonly rows: number }): void
}

export interface ArchiveReport {
  readonly directory: string
  readonly manifest: Manifest
  /** SHA-256 of the manifest: with it nothing of the archive can be changed unseen. */
  readonly manifestSha256: string
  /** Entities that were found finished and whole, from an earlier run. */
  readonly kept: readonly string[]
  readonly verified: VerifyReport
}

/** Writes what legacy holds, and reads it back. */
export async function archive(migration: Migration, options: ArchiveOptions): Promise<ArchiveReport> {
  const directory = resolve(textOption('to', options.to))
  const snapshot = await migration.refresh()
  if (snapshot.phase !== 'complete') {
    throw new PhaseRefusedError(
      migration.name,
      snapshot.phase,
      'complete',
      'only in complete does legacy stand still to be archived. Nothing was written',
    )
  }
  await mkdir(directory, { recursive: true })
  const unfinished = await readManifest(directory, UNFINISHED)
  const finished = await readManifest(directory, MANIFEST)
  const earlier = (finished ?? unfinished)?.manifest
  refuseAnother(migration, snapshot, earlier)

  const compression = earlier?.compression ?? bestCompression()
  const files = migration.entities.map(({ name }, index) => fileName(name, index, EXTENSIONS[compression]))
  await refuseStrangers(directory, files)

  const done: ArchivedEntity[] = []
  const kept: string[] = []
  const draft: Manifest = {
    format: FORMAT,
    migration: migration.name,
    incarnation: snapshot.incarnation,
    phase: snapshot.phase,
    epoch: snapshot.epoch,
    startedAt: earlier?.startedAt ?? migration.now(),
    finishedAt: null,
    compression,
    entities: done,
    audit: [],
  }
  for (const [index, entity] of migration.entities.entries()) {
    const file = files[index] as string
    const before = earlier?.entities.find((archived) => archived.entity === entity.name && archived.file === file)
    if (before !== undefined && (await sha256Of(join(directory, file))) === before.sha256) {
      done.push(before)
      kept.push(entity.name)
      continue
    }
    const { signal, onProgress } = options
    done.push(
      await writeEntity({
        entity,
        directory,
        file,
        compression,
        ...(signal === undefined ? {} : { signal }),
        onProgress: (rows) => onProgress?.({ entity: entity.name, rows }),
      }),
    )
    await writeManifest(directory, UNFINISHED, draft)
  }
  const audit = await migration.store.readAudit({ limit: 10_000 })
  const manifest: Manifest = { ...draft, entities: done, audit, finishedAt: migration.now() }
  const manifestSha256 = await writeManifest(directory, MANIFEST, manifest)
  await rm(join(directory, UNFINISHED), { force: true })

  const verified = await verifyArchive(directory, options.signal === undefined ? {} : { signal: options.signal })
  if (!verified.ok)
    throw new ArchiveError(`The archive does not read back as it was written: ${verified.problems.join('; ')}.`)
  await remember(migration, options, { directory, manifest: manifestSha256, manifestRows: verified.rows })
  return { directory, manifest, manifestSha256, kept, verified }
}

async function remember(
  migration: Migration,
  { actor = 'unknown', reason = '' }: ArchiveOptions,
  {
    directory,
    manifest,
    manifestRows: rows,
  }: { readonly directory: string; readonly manifest: string; readonly manifestRows: number },
): Promise<void> {
  const { epoch, incarnation } = migration.snapshot
  const at = migration.now()
  const audit = { at, epoch, action: 'archive', from: '', to: manifest, actor, reason, evidence: { rows } }
  await updateCutoverRecord(
    migration.store,
    (record) => ({ ...record, archive: { at, epoch, incarnation, directory, manifest, rows } }),
    audit,
  )
}

function refuseAnother(
  { name }: Migration,
  { incarnation, epoch }: { readonly incarnation: string; readonly epoch: number },
  earlier: Manifest | undefined,
): void {
  if (earlier === undefined) return
  if (earlier.migration !== name || earlier.incarnation !== incarnation) {
    throw new ArchiveError(
      `The directory holds the archive of another migration, "${earlier.migration}". Nothing was written.`,
    )
  }
  if (earlier.epoch !== epoch) {
    throw new ArchiveError(
      `The directory holds an archive of epoch ${earlier.epoch}; legacy has been primary or mirrored since. Give this one another directory. Nothing was written.`,
    )
  }
}

/** An entity's name may hold anything; a file's name may not. The index keeps two of them apart. */
function fileName(entity: string, index: number, extension: string): string {
  const plain = entity.replace(/[^\w-]+/g, '_').slice(0, 60)
  return `${String(index + 1).padStart(3, '0')}-${plain}.ndjson.${extension}`
}

async function sha256Of(path: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return hash.digest('hex')
}
