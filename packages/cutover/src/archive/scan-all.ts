import type { EntityStore, Key } from '@twinspan/core'
import { encodeRow } from './encoding.ts'

const PAGE_BYTES = 512 * 1024
const FIRST_PAGE = 200
const LARGEST_PAGE = 2_000

export interface ScannedPage {
  readonly rows: readonly unknown[]
  readonly lines: readonly string[]
}

/** Every row of a store in key order, page by page; a page is steered to half a megabyte, however long the rows are. */
export async function* scanAll(
  store: EntityStore,
  keyOf: (row: unknown) => Key,
  signal?: AbortSignal,
): AsyncGenerator<ScannedPage> {
  let limit = FIRST_PAGE
  let after: Key | undefined
  for (;;) {
    signal?.throwIfAborted()
    const rows = await store.scan(
      after === undefined ? { limit } : { after, limit },
      signal === undefined ? {} : { signal },
    )
    const lines = rows.map(encodeRow)
    if (rows.length > 0) yield { rows, lines }
    if (rows.length < limit) return
    after = keyOf(rows[rows.length - 1])
    const bytes = lines.reduce((sum, line) => sum + line.length, 1)
    limit = Math.min(LARGEST_PAGE, Math.max(1, Math.floor((rows.length * PAGE_BYTES) / bytes)))
  }
}
