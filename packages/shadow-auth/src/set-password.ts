import { type KeyPart, keyText } from '@twinspan/core'
import { isPassword } from './input.ts'
import type { Setup } from './options.ts'
import { busy, make, prove, refusalOf } from './prove.ts'
import { storeHash } from './store-hash.ts'
import type { Written } from './stores.ts'
import type { ChangeVerdict } from './verdict.ts'

/** How often a change starts over when another write was faster. Each of those writes was somebody's success. */
const TRIES = 5

/** Replaces a password that its owner knows, and closes the bridge. */
export async function changePassword(
  login: unknown,
  current: unknown,
  next: unknown,
  signal: AbortSignal | undefined,
  setup: Setup,
): Promise<ChangeVerdict> {
  if (!isPassword(next, setup.limits)) return { ok: false, reason: 'unacceptable' }
  const chosen = setup.spell(next)
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const proof = await prove({ login, password: current, signal, wanted: () => chosen }, setup)
    if (!proof.ok) return refusalOf(proof)
    if (proof.made === undefined) return { ok: false, reason: 'unavailable' }
    const { target, legacy } = proof.situation
    const written = await storeHash(
      {
        target,
        legacy: legacy?.kind === 'one' ? legacy.credential : undefined,
        hash: proof.made,
        state: 'closed',
        fingerprint: null,
      },
      setup.stores,
    )
    if (written !== 'lost') return verdictOf(written, proof.credential.uid)
  }
  return { ok: false, reason: 'unavailable' }
}

/** Sets a password without asking for the current one, and closes the bridge. The last reset wins. */
export async function resetPassword(
  uid: KeyPart,
  next: unknown,
  signal: AbortSignal | undefined,
  setup: Setup,
): Promise<ChangeVerdict> {
  const { admission, limits, stores } = setup
  if (!isPassword(next, limits)) return { ok: false, reason: 'unacceptable' }
  const admitted = await admission.run(`\0uid ${keyText(uid)}`, () => make(setup.spell(next), setup), signal)
  if (!admitted.admitted) return busy(admitted)
  const hash = admitted.value
  if (hash === undefined) return { ok: false, reason: 'unavailable' }

  for (let attempt = 0; attempt < TRIES; attempt++) {
    const target = await stores.seeTargetByUid(uid)
    if (target.kind === 'down') return { ok: false, reason: 'unavailable' }
    const inTarget = target.kind === 'one' && target.credential.login !== null
    const legacy = inTarget ? undefined : await stores.seeLegacyByUid(uid)
    if (legacy?.kind === 'down') return { ok: false, reason: 'unavailable' }
    const account = legacy?.kind === 'one' && legacy.credential.login !== null ? legacy.credential : undefined
    if (!inTarget && account === undefined) return { ok: false, reason: 'invalid' }
    const written = await storeHash({ target, legacy: account, hash, state: 'closed', fingerprint: null }, stores)
    if (written !== 'lost') return verdictOf(written, uid)
  }
  return { ok: false, reason: 'unavailable' }
}

function verdictOf(written: Written, uid: KeyPart): ChangeVerdict {
  return written === 'done' ? { ok: true, uid } : { ok: false, reason: 'unavailable' }
}
