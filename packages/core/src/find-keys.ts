import type { EntityStore, StoreOptions, Stretch } from './entity-store.ts'
import type { Key } from './key.ts'

/** What `keysAt` gives, found by one look for each key. */
export async function keysInTurn(
  keyAt: NonNullable<EntityStore['keyAt']>,
  stretch: Stretch,
  n: number,
  most: number,
  options?: StoreOptions,
): Promise<readonly Key[]> {
  const keys: Key[] = []
  while (keys.length < most) {
    const after = keys.at(-1)
    const key = await keyAt(after === undefined ? stretch : { ...stretch, after }, n, options)
    if (key === undefined) break
    keys.push(key)
  }
  return keys
}

/** Every `n`th key of a stretch, in whatever way the store finds keys; none where it finds none. */
export async function findKeys(store: EntityStore, stretch: Stretch, n: number, most: number): Promise<readonly Key[]> {
  if (store.keysAt !== undefined) return store.keysAt(stretch, n, most)
  return keysInTurn(async (rest) => store.keyAt?.(rest, n), stretch, n, most)
}
