import type { Credential, SideName } from '@twinspan/core'
import type { Admitted } from './admission.ts'
import type { Forms } from './forms.ts'
import { isLogin, isPassword } from './input.ts'
import type { Setup } from './options.ts'
import { type Situation, situationOf } from './situation.ts'
import type { Finding } from './stores.ts'
import type { Refused } from './verdict.ts'
import { verifyForms } from './verify-forms.ts'
import type { Verification } from './verify-password.ts'

/** A password that was proven right, and everything that was seen on the way. */
export interface Proof {
  readonly ok: true
  readonly via: SideName
  /** The account whose hash was verified. */
  readonly credential: Credential
  readonly situation: Situation
  readonly scheme: string
  /** The new hash, when `wanted` asked for one and it could be made. */
  readonly made: string | undefined
}

export interface NoProof {
  readonly ok: false
  readonly reason: Refused
  readonly via: SideName | 'none'
  readonly scheme: string
  /** With `busy`. */
  readonly retryAfterMs?: number
}

export interface ProofRequest {
  readonly login: unknown
  readonly password: unknown
  readonly signal: AbortSignal | undefined
  /**
   * The password to make a new hash of, once the given one was proven; `undefined` for none.
   *
   * @param proven the given one, as a new hash spells it
   */
  wanted(via: SideName, situation: Situation, credential: Credential, proven: string): string | undefined
}

/**
 * Looks the login up, lets the rules say who decides, and verifies, all key derivation inside one permit of the gate. A
 * refusal has computed as much and taken as long as any other.
 */
export async function prove(request: ProofRequest, setup: Setup): Promise<Proof | NoProof> {
  const { login, password, signal } = request
  const { admission, equaliser, limits, stores } = setup
  signal?.throwIfAborted()
  const startedAt = performance.now()

  if (!isLogin(login, limits) || !isPassword(password, limits)) {
    const admitted = await admission.run('', () => equaliser.spend([], undefined), signal)
    if (!admitted.admitted) return { ...refused('busy'), ...busy(admitted) }
    await equaliser.settle(startedAt, 0)
    return refused('invalid')
  }

  const situation = await situationOf(login, stores, setup.closing === 'silo')
  const lookupMs = performance.now() - startedAt
  const forms = setup.formsOf(password)
  const admitted = await admission.run(login, () => verify(request, forms, situation, setup), signal)
  if (!admitted.admitted) return { ...refused('busy'), ...busy(admitted) }
  const proof = admitted.value
  if (!proof.ok) await equaliser.settle(startedAt, isDown(situation) ? undefined : lookupMs)
  return proof
}

/** What a caller is told of a refusal. */
export function refusalOf({ reason, retryAfterMs }: NoProof): {
  readonly ok: false
  readonly reason: Refused
  readonly retryAfterMs?: number
} {
  return { ok: false, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

/** A gate of the application's own may give no hint. */
const RETRY_MS = 1_000

export function busy(admitted: Admitted<unknown>): {
  readonly ok: false
  readonly reason: 'busy'
  readonly retryAfterMs: number
} {
  const hint = admitted.admitted ? undefined : admitted.retryAfterMs
  return { ok: false, reason: 'busy', retryAfterMs: hint ?? RETRY_MS }
}

interface Deciding {
  readonly via: SideName
  readonly credential: Credential
}

function decidingAccount({ decider, target, legacy }: Situation): Deciding | undefined {
  if (decider === 'target' && target.kind === 'one') return { via: 'target', credential: target.credential }
  if (decider === 'legacy' && legacy?.kind === 'one') return { via: 'legacy', credential: legacy.credential }
  return undefined
}

async function verify(
  request: ProofRequest,
  forms: Forms,
  situation: Situation,
  setup: Setup,
): Promise<Proof | NoProof> {
  const { equaliser, hasher } = setup
  const deciding = decidingAccount(situation)
  const hash = deciding?.credential.hash
  if (deciding === undefined || hash === undefined || hash === null || hash === '') {
    await equaliser.spend([], forms)
    return refused(situation.decider === 'unavailable' ? 'unavailable' : 'invalid', deciding?.via)
  }
  const { via, credential } = deciding
  const verification = await verifyForms(
    ({ name }) => (via === 'target' && name === hasher.name ? forms.current : forms.legacy),
    { hash, ...(credential.params === undefined ? {} : { params: credential.params }) },
    setup.schemes,
    setup.limits,
  )
  report(verification, via, setup)
  const { ok, form, work, scheme = 'none' } = verification
  for (const one of work) if (one.scheme.name !== hasher.name) equaliser.observe(one)

  const reason = reasonOf(verification, via, situation, setup)
  if (!ok || form === undefined || reason !== undefined) {
    await equaliser.spend(work, forms)
    return { ok: false, reason: reason ?? 'invalid', via, scheme }
  }
  const wanted = request.wanted(via, situation, credential, form.text)
  const made = wanted === undefined ? undefined : await make(wanted, setup)
  return { ok: true, via, credential, situation, scheme, made }
}

/** Why a right password opens nothing; `undefined` when it does. */
function reasonOf({ ok }: Verification, via: SideName, situation: Situation, { closing }: Setup): Refused | undefined {
  if (!ok) return 'invalid'
  if (isLocked(situation)) return 'locked'
  const moved = via === 'target' && situation.standing !== 'copied'
  return closing === 'force-reset' && !moved ? 'reset-required' : undefined
}

/** The hash of a password that was checked before; `undefined` when it cannot be made. To be called inside the gate. */
export async function make(password: string, { hasher, stores }: Setup): Promise<string | undefined> {
  try {
    return await hasher.hash(Buffer.from(password))
  } catch {
    // Out of memory, most likely. What the library says may quote its input.
    stores.report({ finding: 'upgrade-failed', side: 'target' })
    return undefined
  }
}

function isLocked({ target, legacy }: Situation): boolean {
  const locked = [target, legacy].map((seen) => seen?.kind === 'one' && seen.credential.locked)
  return locked.includes(true)
}

function isDown({ target, legacy }: Situation): boolean {
  return target.kind === 'down' || legacy?.kind === 'down'
}

const FINDINGS = {
  malformed: 'malformed-hash',
  unsupported: 'unsupported-hash',
  ambiguous: 'ambiguous-hash',
  cost: 'costly-hash',
} as const satisfies Record<string, Finding['finding']>

function report({ scheme, reason }: Verification, side: SideName, { stores }: Setup): void {
  if (reason === undefined) return
  stores.report({ finding: FINDINGS[reason], side, ...(scheme === undefined ? {} : { scheme }) })
}

function refused(reason: Refused, via: SideName | 'none' = 'none'): NoProof {
  return { ok: false, reason, via, scheme: 'none' }
}
