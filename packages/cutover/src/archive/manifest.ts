import { createHash } from 'node:crypto'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditEntry, Phase } from '@twinspan/core'
import { ArchiveError } from '../errors.ts'

export const MANIFEST = 'manifest.json'
/** The manifest of an archive that is being written, or was when its process died. */
export const UNFINISHED = 'manifest.partial.json'
export const FORMAT = 'twinspan-archive/1'

export type Compression = 'zstd' | 'gzip'

export interface ArchivedEntity {
  readonly entity: string
  readonly table: string
  readonly file: string
  readonly rows: number
  /** The columns of the rows, and what stands in them. */
  readonly columns: readonly ArchivedColumn[]
  readonly bytes: number
  /** SHA-256 of the file as it lies there, and of the lines in it. */
  readonly sha256: string
  readonly contentSha256: string
}

export interface ArchivedColumn {
  readonly name: string
  /** Every kind of value that was met, `null` included. */
  readonly kinds: readonly string[]
}

export interface Manifest {
  readonly format: typeof FORMAT
  readonly migration: string
  readonly incarnation: string
  readonly phase: Phase
  readonly epoch: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly finishedAt: number | null
  readonly compression: Compression
  readonly entities: readonly ArchivedEntity[]
  /** Who decided what, newest first. */
  readonly audit: readonly AuditEntry[]
}

/** The manifest in a directory, finished or not; `undefined` when it holds none. */
export async function readManifest(
  directory: string,
  name: string,
): Promise<{ manifest: Manifest; sha256: string } | undefined> {
  const text = await readFile(join(directory, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new ArchiveError(`${name} cannot be read: ${error.code ?? error.name}.`, { cause: error })
  })
  if (text === undefined) return undefined
  let manifest: Manifest
  try {
    manifest = JSON.parse(text) as Manifest
  } catch (error) {
    throw new ArchiveError(`${name} is damaged: it is no JSON.`, { cause: error })
  }
  if (manifest.format !== FORMAT)
    throw new ArchiveError(`${name} is not a manifest of the format that this version reads.`)
  return { manifest, sha256: createHash('sha256').update(text).digest('hex') }
}

/** Writes the manifest so that it is there whole or not at all. */
export async function writeManifest(directory: string, name: string, manifest: Manifest): Promise<string> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  const draft = join(directory, `${name}.draft`)
  await writeFile(draft, text, { flush: true })
  await rename(draft, join(directory, name))
  return createHash('sha256').update(text).digest('hex')
}

/** Refuses a directory that holds something which no archive wrote. */
export async function refuseStrangers(directory: string, known: readonly string[]): Promise<void> {
  const ours = new Set([MANIFEST, UNFINISHED, `${MANIFEST}.draft`, `${UNFINISHED}.draft`, ...known])
  const strangers = (await readdir(directory)).filter(
    (name) => !ours.has(name) && !ours.has(name.replace(/\.part$/, '')),
  )
  if (strangers.length > 0) {
    throw new ArchiveError(
      `The directory holds ${strangers.length} files that are not this archive's. Give it a directory of its own. Nothing was written.`,
    )
  }
}
