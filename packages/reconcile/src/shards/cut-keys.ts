import { type Key, scanKeys } from '@twinspan/core'
import type { Comparison } from '../comparison.ts'

const PAGE = 5_000

/** The last key of each but the last of up to `shards` stretches with about as many rows of the primary each. */
export async function cutKeys(comparison: Comparison, shards: number): Promise<readonly Key[]> {
  if (shards === 1) return []
  return (await cutByCount(comparison, shards)) ?? cutByKeys(comparison, shards)
}

/** By the store's own count. `undefined` where it has none, or one that turns out to be far too small. */
async function cutByCount({ entity, primary }: Comparison, shards: number): Promise<readonly Key[] | undefined> {
  const store = entity[primary]
  const rows = (await store.count?.())?.rows ?? 0
  if (store.keyAt === undefined || rows === 0) return undefined
  const size = Math.ceil(rows / shards)
  const keyAt = async (n: number): Promise<Key | undefined> => {
    const after = bounds.at(-1)
    return store.keyAt?.(after === undefined ? {} : { after }, n)
  }
  const bounds: Key[] = []
  while (bounds.length < shards - 1) {
    const bound = await keyAt(size)
    if (bound === undefined) return bounds
    bounds.push(bound)
  }
  return (await keyAt(2 * size + 1)) === undefined ? bounds : undefined
}

/** By reading all keys. Remembers as many of each page as there are shards. */
async function cutByKeys({ entity, primary }: Comparison, shards: number): Promise<readonly Key[]> {
  const seen: { readonly key: Key; readonly rows: number }[] = []
  let rows = 0
  for (let after: Key | undefined; ; ) {
    const keys = await scanKeys(entity, primary, after === undefined ? { limit: PAGE } : { after, limit: PAGE })
    const stride = Math.ceil(keys.length / shards)
    for (let at = stride; stride > 0 && at <= keys.length; at += stride) {
      seen.push({ key: keys[at - 1] as Key, rows: rows + at })
    }
    rows += keys.length
    if (keys.length < PAGE) break
    after = keys.at(-1)
  }
  const bounds: Key[] = []
  for (const { key, rows: before } of seen) {
    if (before >= ((bounds.length + 1) * rows) / shards && before < rows) bounds.push(key)
  }
  return bounds
}
