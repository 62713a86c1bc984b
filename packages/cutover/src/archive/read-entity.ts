import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { decompressor } from './compression.ts'
import type { ArchivedEntity, Compression } from './manifest.ts'
import { observe } from './write-entity.ts'

export interface ReadEntity {
  readonly directory: string
  readonly archived: ArchivedEntity
  readonly compression: Compression
  readonly signal?: AbortSignal
  /** Takes the lines of one batch; the file is not read on until it returns. */
  onLines?(lines: readonly string[]): Promise<void>
}

export interface FileFacts {
  readonly rows: number
  readonly sha256: string
  readonly contentSha256: string
}

const BATCH = 500

/** Reads one file to its end: its hashes, its number of lines, and every line for `onLines`. */
export async function readEntity({
  directory,
  archived,
  compression,
  signal,
  onLines,
}: ReadEntity): Promise<FileFacts> {
  const packed = createHash('sha256')
  const content = createHash('sha256')
  let rows = 0

  async function take(lines: readonly string[]): Promise<void> {
    rows += lines.length
    await onLines?.(lines)
  }

  await pipeline(
    createReadStream(join(directory, archived.file)),
    observe(packed, () => {}),
    decompressor(compression),
    async (unpacked: AsyncIterable<Buffer>) => {
      let batch: string[] = []
      // The beginning of a line whose end is in a later chunk, in pieces: a long line is not copied with every chunk.
      let pieces: Buffer[] = []
      for await (const chunk of unpacked) {
        content.update(chunk)
        let start = 0
        for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
          pieces.push(chunk.subarray(start, end))
          batch.push(Buffer.concat(pieces).toString('utf8'))
          pieces = []
          start = end + 1
          if (batch.length < BATCH) continue
          await take(batch)
          batch = []
        }
        if (start < chunk.length) pieces.push(chunk.subarray(start))
      }
      if (pieces.length > 0) batch.push(Buffer.concat(pieces).toString('utf8'))
      await take(batch)
    },
    signal === undefined ? {} : { signal },
  )
  return { rows, sha256: packed.digest('hex'), contentSha256: content.digest('hex') }
}
