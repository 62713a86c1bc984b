import { type Entity, type Key, keyText, scanKeys } from '@twinspan/core'
import { decodeRow, encodeRow } from './encoding.ts'
import { createExactReader, type ExactReader } from './exact.ts'

/** How an entity's archive stands against the live store. */
export interface Comparison {
  /** Rows that are as archived. */
  readonly same: number
  readonly different: number
  /** Archived, but no longer in the store. */
  readonly missing: number
  /** In the store, but not archived. */
  readonly extra: number
}

/** Compares archived lines with what `entity` holds on legacy, batch by batch. */
export function createComparison(entity: Entity): {
  take(lines: readonly string[]): Promise<void>
  end(): Promise<Comparison>
} {
  let same = 0
  let different = 0
  let missing = 0
  let exact: Promise<ExactReader> | undefined
  return {
    async take(lines) {
      if (lines.length === 0) return
      const archived = new Map<string, string>()
      const keys: Key[] = []
      for (const line of lines) {
        const key = entity.keyOf('legacy', decodeRow(line))
        keys.push(key)
        archived.set(keyText(key), line)
      }
      const live = new Map<string, string>()
      exact ??= createExactReader(entity)
      const rows = await entity.legacy.load(keys)
      const exactOf = await (await exact)(rows as readonly object[])
      for (const row of rows) live.set(entity.keyTextOf('legacy', row), encodeRow(row, exactOf(row as object)))
      for (const [key, line] of archived) {
        const now = live.get(key)
        if (now === undefined) missing++
        else if (now === line) same++
        else different++
      }
    },
    async end() {
      const rows = await countRows(entity)
      return { same, different, missing, extra: Math.max(0, rows - same - different) }
    },
  }
}

async function countRows(entity: Entity): Promise<number> {
  const counted = await entity.legacy.count?.()
  if (counted?.exact) return counted.rows
  const limit = 5_000
  let rows = 0
  let after: Key | undefined
  for (;;) {
    const keys = await scanKeys(entity, 'legacy', after === undefined ? { limit } : { after, limit })
    rows += keys.length
    if (keys.length < limit) return rows
    after = keys[keys.length - 1]
  }
}
