import type { BridgeRecord, KeyPart } from '@twinspan/core'
import type { Setup } from './options.ts'
import type { Proof } from './prove.ts'
import type { Seen } from './situation.ts'
import { storeHash } from './store-hash.ts'
import type { Stores } from './stores.ts'

/**
 * Stores the new hash of a proven password. Returns whether it is in the target; a login never fails for it.
 *
 * What was proven is that the password belongs to the hash that was read. By the time of the write that hash may have
 * been replaced: in the target the compare-and-swap sees it, in legacy it is read once more after the write.
 */
export async function upgrade({ situation, made }: Pick<Proof, 'situation' | 'made'>, setup: Setup): Promise<boolean> {
  const { stores } = setup
  const { target, legacy } = situation
  if (made === undefined) return false

  const bridge = await bridgeAfter(situation, stores)
  if (bridge === undefined) return false
  const known = target.kind === 'one' ? target.credential.bridge.revision : 0
  const written = await storeHash(
    { target, legacy: legacy?.kind === 'one' ? legacy.credential : undefined, hash: made, ...bridge },
    stores,
  )
  if (written !== 'done') {
    stores.report({ finding: written === 'lost' ? 'upgrade-lost' : 'upgrade-failed', side: 'target' })
    return false
  }
  const uid = uidOf(target) ?? uidOf(legacy)
  if (bridge.state !== 'open' || bridge.fingerprint === null || legacy?.kind !== 'one' || uid === undefined) return true
  return confirm(uid, known + 1, bridge.fingerprint, setup)
}

/** The record that goes with the new hash; `undefined` when it cannot be known. */
async function bridgeAfter(
  { standing, target, legacy }: Proof['situation'],
  stores: Stores,
): Promise<BridgeRecord | undefined> {
  if (target.kind === 'one' && (standing === 'closed' || (standing === 'upgraded' && legacy?.kind !== 'one'))) {
    return target.credential.bridge
  }
  if (legacy?.kind === 'down') return undefined
  // Whoever has no password in legacy has nothing to bridge.
  if (legacy?.kind !== 'one' || !legacy.credential.hash) return { state: 'closed', fingerprint: null }
  const fingerprint = await stores.fingerprint(legacy.credential.uid, legacy.credential.hash)
  return fingerprint === undefined ? undefined : { state: 'open', fingerprint }
}

/** Reads legacy again. If its hash is another by now, the new hash in the target is one of an old password. */
async function confirm(uid: KeyPart, revision: number, fingerprint: string, setup: Setup): Promise<boolean> {
  const { stores, closeOnUpgrade } = setup
  const again = await stores.seeLegacyByUid(uid)
  const hash = again.kind === 'one' ? again.credential.hash : null
  // A hash that was erased is no newer password.
  const changed = again.kind === 'down' || (hash && (await stores.fingerprint(uid, hash)) !== fingerprint)
  if (changed) {
    await stores.changeBridge(uid, revision, { state: 'stale', fingerprint: null })
    stores.report({ finding: 'upgrade-lost', side: 'legacy' })
    return false
  }
  if (closeOnUpgrade) await stores.changeBridge(uid, revision, { state: 'closed', fingerprint })
  return true
}

function uidOf(seen: Seen | undefined): KeyPart | undefined {
  return seen?.kind === 'one' ? seen.credential.uid : undefined
}
