import type { Entity, Key } from '@twinspan/core'
import { encodeRow } from './encoding.ts'
import { createExactReader } from './exact.ts'

const PAGE_BYTES = 512 * 1024
const FIRST_PAGE = 200
const LARGEST_PAGE = 2_000

export interface ScannedPage {
  readonly rows: readonly unknown[]
  readonly lines: readonly string[]
}

/** Every row of legacy in key order, page by page; a page is steered to half a megabyte, however long the rows are. */
export async function* scanAll(entity: Entity, signal?: AbortSignal): AsyncGenerator<ScannedPage> {
  const { legacy: store } = entity
  const exact = await createExactReader(entity, signal)
  let limit = FIRST_PAGE
  let after: Key | undefined
  for (;;) {
    signal?.throwIfAborted()
    const rows = await store.scan(
      after === undefined ? { limit } : { after, limit },
      signal === undefined ? {} : { signal },
    )
    const exactOf = await exact(rows as readonly object[])
    const lines = rows.map((row) => encodeRow(row, exactOf(row as object)))
    if (rows.length > 0) yield { rows, lines }
    if (rows.length < limit) return
    after = entity.keyOf('legacy', rows.at(-1))
    const bytes = lines.reduce((sum, line) => sum + line.length, 1)
    limit = Math.min(LARGEST_PAGE, Math.max(1, Math.floor((rows.length * PAGE_BYTES) / bytes)))
  }
}
