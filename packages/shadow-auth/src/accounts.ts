import { type KeyPart, UnavailableError } from '@twinspan/core'
import { isLogin } from './input.ts'
import type { Setup } from './options.ts'
import type { ResetCandidate } from './verdict.ts'

/** How often a note starts over when another write was faster. */
const TRIES = 5

/** Takes note that legacy holds a newer password: what the target has of this user counts no longer. */
export async function noteLegacyChange(
  uid: KeyPart,
  { stores }: Setup,
): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: 'unavailable' }> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const target = await stores.seeTargetByUid(uid)
    if (target.kind === 'down') break
    const { revision, state } = target.kind === 'one' ? target.credential.bridge : { revision: 0, state: 'open' }
    // Once closed, what happens in legacy is nobody's password any more.
    if (state === 'closed') return { ok: true }
    // An upgrade that verified the older password may be on its way: it must not find the record untouched.
    if (revision === 0 && !(await stores.mark(uid))) break
    const written = await stores.changeBridge(uid, revision, { state: 'stale', fingerprint: null })
    if (written === 'done') return { ok: true }
    if (written === 'failed') break
  }
  return { ok: false, reason: 'unavailable' }
}

/** The account that a forgotten password belongs to, migrated or not. */
export async function findForReset(login: unknown, { stores, limits }: Setup): Promise<ResetCandidate> {
  if (!isLogin(login, limits)) return { ok: false, reason: 'invalid' }
  const target = await stores.seeTarget(login)
  if (target.kind === 'down') return { ok: false, reason: 'unavailable' }
  if (target.kind === 'many') return { ok: false, reason: 'invalid' }
  if (target.kind === 'one') {
    return { ok: true, uid: target.credential.uid, login: target.credential.login ?? login, via: 'target' }
  }
  const legacy = await stores.seeLegacy(login)
  if (legacy.kind === 'down') return { ok: false, reason: 'unavailable' }
  if (legacy.kind !== 'one') return { ok: false, reason: 'invalid' }
  // Whoever goes by another login in the target has given this one up: it may be somebody else's address by now.
  const { uid } = legacy.credential
  const known = await stores.seeTargetByUid(uid)
  if (known.kind === 'down') return { ok: false, reason: 'unavailable' }
  if (known.kind === 'one' && known.credential.login !== null) return { ok: false, reason: 'invalid' }
  return { ok: true, uid, login: legacy.credential.login ?? login, via: 'legacy' }
}

/**
 * Whether a login belongs to somebody in either store, so that nobody else may sign up with it.
 *
 * @throws UnavailableError when a store that would have to be asked does not answer
 */
export async function isReserved(login: unknown, { stores, limits }: Setup): Promise<boolean> {
  if (!isLogin(login, limits)) return true
  const seen = await Promise.all([stores.seeTarget(login), stores.seeLegacy(login)])
  if (seen.some(({ kind }) => kind === 'one' || kind === 'many')) return true
  if (seen.every(({ kind }) => kind === 'none')) return false
  throw new UnavailableError('Whether the login is taken cannot be told: a credential store does not answer.')
}
