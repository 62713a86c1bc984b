import { createHash, type Hash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Entity } from '@twinspan/core'
import { createColumns } from './columns.ts'
import { compressor } from './compression.ts'
import type { ArchivedEntity, Compression } from './manifest.ts'
import { scanAll } from './scan-all.ts'

export interface WriteEntity {
  readonly entity: Entity
  readonly directory: string
  readonly file: string
  readonly compression: Compression
  readonly signal?: AbortSignal
  /** Rows written so far. */
  onProgress?(rows: number): void
}

/** Streams one entity into its file, which has its name only when it is whole. */
export async function writeEntity({
  entity,
  directory,
  file,
  compression,
  signal,
  onProgress,
}: WriteEntity): Promise<ArchivedEntity> {
  const draft = join(directory, `${file}.part`)
  const content = createHash('sha256')
  const packed = createHash('sha256')
  const columns = createColumns()
  let rows = 0
  let bytes = 0

  async function* lines(): AsyncGenerator<Buffer> {
    for await (const page of scanAll(entity, signal)) {
      for (const row of page.rows) columns.note(row as object)
      const chunk = Buffer.from(`${page.lines.join('\n')}\n`)
      content.update(chunk)
      rows += page.rows.length
      onProgress?.(rows)
      yield chunk
    }
  }

  await pipeline(
    // Bytes, not objects: as objects sixteen pages would be read ahead.
    Readable.from(lines(), { objectMode: false }),
    compressor(compression),
    observe(packed, (length) => {
      bytes += length
    }),
    createWriteStream(draft, { flush: true }),
    signal === undefined ? {} : { signal },
  )
  await rename(draft, join(directory, file))
  return {
    entity: entity.name,
    table: entity.legacy.name ?? entity.name,
    file,
    rows,
    columns: columns.list(),
    bytes,
    sha256: packed.digest('hex'),
    contentSha256: content.digest('hex'),
  }
}

/** Lets bytes through and hashes them on the way. */
export function observe(hash: Hash, count: (length: number) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      count(chunk.length)
      done(null, chunk)
    },
  })
}
