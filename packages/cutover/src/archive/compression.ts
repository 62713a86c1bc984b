import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { ArchiveError } from '../errors.ts'
import type { Compression } from './manifest.ts'

export const EXTENSIONS: Readonly<Record<Compression, string>> = { zstd: 'zst', gzip: 'gz' }

// Zstandard came to Node within version 22, so it may be missing.
const hasZstd = typeof zlib.createZstdCompress === 'function'

/** Zstandard where Node has it, else gzip. */
export function bestCompression(): Compression {
  return hasZstd ? 'zstd' : 'gzip'
}

export function compressor(compression: Compression): Transform {
  return compression === 'zstd' ? zlib.createZstdCompress() : zlib.createGzip()
}

export function decompressor(compression: Compression): Transform {
  if (compression === 'gzip') return zlib.createGunzip()
  if (!hasZstd) throw new ArchiveError('This Node cannot read Zstandard: use 22.15, 23.8 or later.')
  return zlib.createZstdDecompress()
}
