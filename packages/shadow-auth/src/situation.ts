import { type Credential, keyText } from '@twinspan/core'
import type { Stores } from './stores.ts'

/** What a store said when it was asked for an account. */
export type Seen =
  | { readonly kind: 'one'; readonly credential: Credential }
  | { readonly kind: 'none' }
  | { readonly kind: 'many' }
  | { readonly kind: 'down' }

/** What the target's answer means, before legacy was asked. */
export type Standing = 'down' | 'absent' | 'ambiguous' | 'closed' | 'stale' | 'upgraded' | 'copied' | 'own'

/** Who decides about a password. */
export type Decider = 'target' | 'legacy' | 'invalid' | 'unavailable'

export interface Rule {
  /** Whether legacy is asked at all. */
  readonly asksLegacy: boolean
  /** Who decides when legacy cannot be asked. */
  readonly legacyDown: Decider
  /** Who decides when legacy has no password for this user. */
  readonly legacyEmpty: Decider
  /** Who decides when legacy's hash is the one that the target knows of. */
  readonly legacySame: Decider
  /** Who decides when legacy's hash is another. */
  readonly legacyOther: Decider
}

/** The whole of the bridge. Each line answers: whose password is the one that was set last? */
const RULES: Readonly<Record<Standing, Rule>> = {
  // Legacy decides for those who have no mark there; for the others the target may know a newer password.
  down: rule(true, 'unavailable', 'unavailable', 'legacy', 'legacy'),
  absent: rule(true, 'unavailable', 'invalid', 'legacy', 'legacy'),
  ambiguous: rule(false, 'invalid', 'invalid', 'invalid', 'invalid'),
  closed: rule(false, 'target', 'target', 'target', 'target'),
  stale: rule(true, 'unavailable', 'invalid', 'legacy', 'legacy'),
  upgraded: rule(true, 'target', 'target', 'target', 'legacy'),
  // A legacy hash in the target that nobody has upgraded came from a copy, which may be older than legacy.
  copied: rule(true, 'target', 'target', 'target', 'legacy'),
  // A current hash that we did not write was set in the target by the application.
  own: rule(false, 'target', 'target', 'target', 'target'),
}

/** The bridge with legacy's end taken away: what the target has, wrapped hashes among it, is all there is. */
const SILO: Readonly<Record<Standing, Rule>> = {
  ...RULES,
  down: rule(false, 'unavailable', 'unavailable', 'unavailable', 'unavailable'),
  absent: rule(false, 'invalid', 'invalid', 'invalid', 'invalid'),
  stale: rule(false, 'invalid', 'invalid', 'invalid', 'invalid'),
  upgraded: rule(false, 'target', 'target', 'target', 'target'),
  // Nobody can tell any more whether the copy is older than legacy. `wrapInactive` could, and made a wrapped one of it.
  copied: rule(false, 'invalid', 'invalid', 'invalid', 'invalid'),
}

export interface Situation {
  readonly target: Seen
  readonly standing: Standing
  /** `undefined` when it was not asked. */
  readonly legacy: Seen | undefined
  readonly decider: Decider
}

/** Looks a login up, in legacy only where the rules ask for it, and says who decides. Derives nothing. */
export async function situationOf(login: string, stores: Stores, silo: boolean): Promise<Situation> {
  let target = await stores.seeTarget(login)
  let standing = standingOf(target, stores)
  const { asksLegacy, legacyEmpty } = (silo ? SILO : RULES)[standing]
  if (!asksLegacy) return { target, standing, legacy: undefined, decider: legacyEmpty }

  const found = await stores.seeLegacy(login)
  if (target.kind === 'none' && found.kind === 'one') {
    // The target may know the user by another login, or remember a bridge whose account is gone.
    target = await stores.seeTargetByUid(found.credential.uid)
    standing = standingOf(target, stores)
  }
  const legacy = ofSameUser(target, found, stores) ? found : NOBODY
  return { target, standing, legacy, decider: await deciderOf(target, standing, legacy, stores) }
}

/** The same where both stores were read already, by the user's id. Who decides is said as of an open bridge. */
export async function situationOfLegacy(credential: Credential, target: Seen, stores: Stores): Promise<Situation> {
  const standing = standingOf(target, stores)
  const legacy: Seen = { kind: 'one', credential }
  const decider = RULES[standing].asksLegacy
    ? await deciderOf(target, standing, legacy, stores)
    : RULES[standing].legacyEmpty
  return { target, standing, legacy, decider }
}

const NOBODY: Seen = { kind: 'none' }

async function deciderOf(target: Seen, standing: Standing, legacy: Seen, stores: Stores): Promise<Decider> {
  const { legacyDown, legacyEmpty, legacySame, legacyOther } = RULES[standing]
  if (legacy.kind === 'down') return legacyDown
  if (legacy.kind !== 'one' || !legacy.credential.hash) return legacyEmpty
  const { uid, hash, bridge } = legacy.credential
  if (target.kind === 'down' && bridge.state === 'closed') return legacyDown
  if (target.kind !== 'one' || legacySame === legacyOther) return legacySame
  const same = await stores.isSame(target.credential, uid, hash)
  if (same === 'unknown') return legacyDown
  return same ? legacySame : legacyOther
}

function ofSameUser(target: Seen, legacy: Seen, stores: Stores): boolean {
  if (target.kind !== 'one' || legacy.kind !== 'one') return true
  if (keyText(target.credential.uid) === keyText(legacy.credential.uid)) return true
  stores.report({ finding: 'different-users', side: 'target' })
  return false
}

function standingOf(target: Seen, { isWeaker }: Stores): Standing {
  if (target.kind === 'down') return 'down'
  if (target.kind === 'none') return 'absent'
  if (target.kind === 'many') return 'ambiguous'
  const { hash, bridge } = target.credential
  if (bridge.state !== 'open') return bridge.state
  if (hash === null || hash === '') return 'absent'
  if (bridge.revision > 0) return 'upgraded'
  return isWeaker(hash) ? 'copied' : 'own'
}

function rule(
  asksLegacy: boolean,
  legacyDown: Decider,
  legacyEmpty: Decider,
  legacySame: Decider,
  legacyOther: Decider,
): Rule {
  return { asksLegacy, legacyDown, legacyEmpty, legacySame, legacyOther }
}
