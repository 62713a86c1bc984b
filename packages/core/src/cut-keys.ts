import type { Entity } from './entity.ts'
import type { Stretch } from './entity-store.ts'
import { keysInTurn } from './find-keys.ts'
import type { Key } from './key.ts'
import type { SideName } from './phases.ts'
import { scanKeys } from './scan-keys.ts'

const PAGE = 5_000

export interface CutOptions {
  /** How many stretches there are to be; fewer where there are not enough keys. */
  readonly shards: number
  /** The key behind which the first stretch begins; without it at the first key. */
  readonly after?: Key
  /** Runs each look at the side. */
  readonly run?: <T>(look: () => Promise<T>) => Promise<T>
}

/** The last key of each but the last of up to `shards` stretches with about as many rows of `side` each. */
export async function cutKeys(entity: Entity, side: SideName, options: CutOptions): Promise<readonly Key[]> {
  if (options.shards === 1) return []
  return (await cutByCount(entity, side, options)) ?? cutByKeys(entity, side, options)
}

/** By the store's own count. `undefined` where it has none, or one that turns out to be far too small. */
async function cutByCount(
  entity: Entity,
  side: SideName,
  { shards, after, run = atOnce }: CutOptions,
): Promise<readonly Key[] | undefined> {
  const store = entity[side]
  const rows = (await run(async () => store.count?.()))?.rows ?? 0
  if (store.keyAt === undefined || rows === 0) return undefined
  const size = Math.ceil(rows / shards)
  const keyAt = (stretch: Stretch, n: number): Promise<Key | undefined> => run(async () => store.keyAt?.(stretch, n))
  const bounds = await keysInTurn(keyAt, after === undefined ? {} : { after }, size, shards - 1)
  if (bounds.length < shards - 1) return bounds
  const last = bounds.at(-1) ?? after
  return (await keyAt(last === undefined ? {} : { after: last }, 2 * size + 1)) === undefined ? bounds : undefined
}

/** By reading all keys. Remembers as many of each page as there are shards. */
async function cutByKeys(
  entity: Entity,
  side: SideName,
  { shards, after, run = atOnce }: CutOptions,
): Promise<readonly Key[]> {
  const seen: { readonly key: Key; readonly rows: number }[] = []
  let rows = 0
  for (let from = after; ; ) {
    const range = from === undefined ? { limit: PAGE } : { after: from, limit: PAGE }
    const keys = await run(() => scanKeys(entity, side, range))
    const stride = Math.ceil(keys.length / shards)
    for (let at = stride; stride > 0 && at <= keys.length; at += stride) {
      seen.push({ key: keys[at - 1] as Key, rows: rows + at })
    }
    rows += keys.length
    if (keys.length < PAGE) break
    from = keys.at(-1)
  }
  const bounds: Key[] = []
  for (const { key, rows: before } of seen) {
    if (before >= ((bounds.length + 1) * rows) / shards && before < rows) bounds.push(key)
  }
  return bounds
}

function atOnce<T>(look: () => Promise<T>): Promise<T> {
  return look()
}
