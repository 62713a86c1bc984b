import type { StoreOptions } from './entity-store.ts'
import type { Copy } from './side.ts'

/** What the stores of the copied side are called with inside a copy. */
export function copyOptions({ transaction, version, signal }: Copy): StoreOptions {
  return {
    ...(transaction === undefined ? {} : { transaction }),
    ...(version === undefined ? {} : { version }),
    ...(signal === undefined ? {} : { signal }),
  }
}
