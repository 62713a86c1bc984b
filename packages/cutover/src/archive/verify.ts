import { type Entity, redact } from '@twinspan/core'
import { ArchiveError } from '../errors.ts'
import { type Comparison, createComparison } from './compare.ts'
import { decodeRow } from './encoding.ts'
import { type ArchivedEntity, MANIFEST, type Manifest, readManifest } from './manifest.ts'
import { readEntity } from './read-entity.ts'

export interface VerifyOptions {
  /** The manifest's SHA-256 as `archive` reported it; with it a manifest that was changed together with its files is found. */
  readonly manifestSha256?: string
  /** Compares every archived row with what these entities hold on legacy now. */
  readonly entities?: readonly Entity[]
  readonly signal?: AbortSignal
}

export interface VerifyReport {
  readonly ok: boolean
  readonly migration: string
  readonly rows: number
  readonly entities: readonly VerifiedEntity[]
  /** What is wrong, one sentence each; empty when `ok`. Neither keys nor values. */
  readonly problems: readonly string[]
}

export interface VerifiedEntity {
  readonly entity: string
  readonly rows: number
  readonly ok: boolean
  /** Present where the entity was compared with the live store. */
  readonly live?: Comparison
}

/**
 * Reads an archive to its last byte: hashes every file, unpacks it, parses every line, counts, and holds all of it against
 * the manifest. A damaged archive is a report with `ok: false`.
 *
 * @throws ArchiveError when the directory holds no finished archive
 */
export async function verifyArchive(directory: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const found = await readManifest(directory, MANIFEST)
  if (found === undefined) throw new ArchiveError('The directory holds no finished archive: there is no manifest.json.')
  const { manifest, sha256 } = found
  const problems: string[] = []
  if (options.manifestSha256 !== undefined && options.manifestSha256 !== sha256)
    problems.push('the manifest is not the one that was written')
  const entities: VerifiedEntity[] = []
  for (const archived of manifest.entities) {
    const before = problems.length
    const { rows, live } = await verifyEntity(directory, manifest, archived, options, problems)
    entities.push({
      entity: archived.entity,
      rows,
      ok: problems.length === before,
      ...(live === undefined ? {} : { live }),
    })
  }
  const rows = entities.reduce((sum, entity) => sum + entity.rows, 0)
  return { ok: problems.length === 0, migration: manifest.migration, rows, entities, problems }
}

async function verifyEntity(
  directory: string,
  { compression }: Manifest,
  archived: ArchivedEntity,
  { entities = [], signal }: VerifyOptions,
  problems: string[],
): Promise<{ readonly rows: number; readonly live?: Comparison }> {
  const { file } = archived
  const entity = entities.find(({ name }) => name === archived.entity)
  const comparison = entity === undefined ? undefined : createComparison(entity)
  let unreadable = 0
  try {
    const facts = await readEntity({
      directory,
      archived,
      compression,
      ...(signal === undefined ? {} : { signal }),
      async onLines(lines) {
        const readable = lines.filter(isReadable)
        unreadable += lines.length - readable.length
        await comparison?.take(readable)
      },
    })
    if (facts.sha256 !== archived.sha256) problems.push(`${file} is not the file that was written: its SHA-256 differs`)
    if (facts.contentSha256 !== archived.contentSha256)
      problems.push(`${file} unpacks to something else: the SHA-256 of its lines differs`)
    if (facts.rows !== archived.rows) problems.push(`${file} holds ${facts.rows} rows instead of ${archived.rows}`)
    if (unreadable > 0) problems.push(`${file} holds ${unreadable} lines that cannot be parsed`)
    const live = await comparison?.end()
    if (live !== undefined && live.different + live.missing + live.extra > 0) {
      problems.push(
        `${archived.entity}: ${live.different} rows differ from legacy, ${live.missing} are gone from it, ${live.extra} are new in it`,
      )
    }
    return live === undefined ? { rows: facts.rows } : { rows: facts.rows, live }
  } catch (error) {
    signal?.throwIfAborted()
    problems.push(`${file} cannot be read to its end: ${redact(error)}`)
    return { rows: 0 }
  }
}

function isReadable(line: string): boolean {
  try {
    decodeRow(line)
    return true
  } catch {
    return false
  }
}
