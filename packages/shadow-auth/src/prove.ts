import type { Credential, SideName } from '@twinspan/core'
import type { Spent } from './equaliser.ts'
import { isLogin, isPassword } from './input.ts'
import type { Setup } from './options.ts'
import { type Situation, situationOf } from './situation.ts'
import type { Finding } from './stores.ts'
import type { Refused } from './verdict.ts'
import { type Verification, verifyHash } from './verify-password.ts'

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
}

export interface ProofRequest {
  readonly login: unknown
  readonly password: unknown
  readonly signal: AbortSignal | undefined
  /** The password to make a new hash of, once the given one was proven; `undefined` for none. */
  wanted(via: SideName, situation: Situation, credential: Credential): string | undefined
}

/**
 * Looks the login up, lets the rules say who decides, and verifies, all key derivation inside one permit of the gate. A
 * refusal has computed as much as any other.
 */
export async function prove(request: ProofRequest, setup: Setup): Promise<Proof | NoProof> {
  const { login, password, signal } = request
  const { admission, equaliser, limits, stores } = setup
  signal?.throwIfAborted()

  if (!isLogin(login, limits) || !isPassword(password, limits)) {
    const admitted = await admission.run('', () => equaliser.spend('nothing', undefined), signal)
    return refused(admitted.admitted ? 'invalid' : 'busy')
  }

  const situation = await situationOf(login, stores)
  const deciding = decidingAccount(situation)
  const bytes = Buffer.from(password)
  const admitted = await admission.run(login, () => verify(request, bytes, situation, deciding, setup), signal)
  return admitted.admitted ? admitted.value : refused('busy')
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
  password: Buffer,
  situation: Situation,
  deciding: Deciding | undefined,
  setup: Setup,
): Promise<Proof | NoProof> {
  const { equaliser } = setup
  const hash = deciding?.credential.hash
  if (deciding === undefined || hash === undefined || hash === null || hash === '') {
    await equaliser.spend('nothing', password)
    return refused(situation.decider === 'unavailable' ? 'unavailable' : 'invalid', deciding?.via)
  }
  const { via, credential } = deciding
  const verification = await verifyHash(password, hash, setup.schemes, setup.limits)
  report(verification, via, setup)
  if (via === 'legacy') observe(hash, verification, setup)

  const scheme = verification.scheme ?? 'none'
  if (!verification.ok || isLocked(situation)) {
    await equaliser.spend(spentOn(verification, setup), password)
    return { ok: false, reason: verification.ok ? 'locked' : 'invalid', via, scheme }
  }
  const wanted = request.wanted(via, situation, credential)
  const made = wanted === undefined ? undefined : await make(wanted, setup)
  return { ok: true, via, credential, situation, scheme, made }
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

function spentOn({ scheme, reason }: Verification, { hasher }: Setup): Spent {
  if (reason !== undefined) return 'nothing'
  return scheme === hasher.name ? 'current' : 'legacy'
}

function observe(
  hash: string,
  { scheme: name, reason }: Verification,
  { equaliser, hasher, schemes, limits }: Setup,
): void {
  if (reason !== undefined || name === hasher.name) return
  const scheme = schemes.find((candidate) => candidate.name === name)
  const reading = scheme?.read(hash, limits)
  if (scheme !== undefined && reading?.ok) equaliser.observe(scheme, reading.params)
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
