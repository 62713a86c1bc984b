import { type Key, scanKeys } from '@twinspan/core'
import type { Job } from '../job.ts'
import { countLegacy, reach } from '../reach.ts'

const PAGE = 5_000

/** The last key of each but the last of up to `shards` stretches with about as many legacy rows each, all after `after`. */
export async function cutKeys(job: Job, after: Key | null): Promise<readonly Key[]> {
  return (await cutByCount(job, after)) ?? cutByKeys(job, after)
}

/** By the store's own count. `undefined` where it has none, or one that turns out to be far too small. */
async function cutByCount({ entity, settings, claim }: Job, after: Key | null): Promise<readonly Key[] | undefined> {
  const { legacy } = entity
  const rows = await countLegacy(entity)
  if (legacy.keyAt === undefined || rows === 0) return undefined
  const size = Math.ceil(rows / settings.shards)
  const keyAt = (from: Key | null, n: number): Promise<Key | undefined> =>
    reach('legacy', async () => legacy.keyAt?.(from === null ? {} : { after: from }, n))
  const bounds: Key[] = []
  while (bounds.length < settings.shards - 1) {
    await claim.keep()
    const bound = await keyAt(bounds.at(-1) ?? after, size)
    if (bound === undefined) return bounds
    bounds.push(bound)
  }
  const excess = await keyAt(bounds.at(-1) ?? after, 2 * size + 1)
  return excess === undefined ? bounds : undefined
}

/** By reading all keys. Remembers as many of each page as there are shards. */
async function cutByKeys(job: Job, after: Key | null): Promise<readonly Key[]> {
  const { entity, settings, claim } = job
  const seen: { readonly key: Key; readonly rows: number }[] = []
  let rows = 0
  for (let from = after; ; ) {
    await claim.keep()
    const range = from === null ? { limit: PAGE } : { after: from, limit: PAGE }
    const keys = await reach('legacy', () => scanKeys(entity, 'legacy', range))
    const stride = Math.ceil(keys.length / settings.shards)
    for (let at = stride; stride > 0 && at <= keys.length; at += stride) {
      seen.push({ key: keys[at - 1] as Key, rows: rows + at })
    }
    rows += keys.length
    if (keys.length < PAGE) break
    from = keys.at(-1) as Key
  }
  const bounds: Key[] = []
  for (const { key, rows: before } of seen) {
    if (before >= ((bounds.length + 1) * rows) / settings.shards && before < rows) bounds.push(key)
  }
  return bounds
}
