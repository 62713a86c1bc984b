import type { BridgeRecord, Credential } from '@twinspan/core'
import type { Seen } from './situation.ts'
import type { Stores, Written } from './stores.ts'

export interface StoreHashRequest extends BridgeRecord {
  /** What the target said; the write is made only if that is still so. */
  readonly target: Seen
  /** The account in legacy, when the target has none. */
  readonly legacy: Credential | undefined
  readonly hash: string
}

/**
 * Puts a new hash into the target, by compare-and-swap on what was seen there.
 *
 * Legacy is marked first: from the moment the target may know a newer password, legacy may not be trusted without it. A
 * crash between the two leaves a mark too many, which only matters while the target is down, and locks nobody out.
 */
export async function storeHash(request: StoreHashRequest, stores: Stores): Promise<Written> {
  const { target, legacy, hash, state, fingerprint } = request
  const account = target.kind === 'one' ? target.credential : undefined
  const uid = account?.uid ?? legacy?.uid
  if (uid === undefined || target.kind === 'down' || target.kind === 'many') return 'failed'

  const revision = account?.bridge.revision ?? 0
  // Whoever made the record in the target has marked legacy before.
  if (revision === 0 && !(await stores.mark(uid))) return 'failed'
  if (account !== undefined && account.login !== null) {
    return stores.replaceHash(uid, { hash: account.hash, revision }, { hash, state, fingerprint })
  }
  if (legacy === undefined || legacy.login === null) return 'failed'
  return stores.insertIfAbsent({ uid: legacy.uid, login: legacy.login, hash, state, fingerprint }, revision)
}
