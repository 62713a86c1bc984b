import {
  InvalidOptionError,
  type LegacyCredentials,
  numberOption,
  type TargetCredentials,
  type TwinspanEvent,
} from '@twinspan/core'
import { type Admission, type AdmissionOptions, createAdmission } from './admission.ts'
import { createEqualiser, type Equaliser, type EqualiserOptions } from './equaliser.ts'
import { type Candidates, type Forms, formsOf, spelled } from './forms.ts'
import { type Limits, resolveLimits } from './limits.ts'
import type { PasswordHasher, Scheme } from './schemes/scheme.ts'
import { createStores, type Stores } from './stores.ts'
import { wrapped } from './wrapped.ts'

/** Where events go: `migration.events`, or anything that takes them. They carry no login, password or hash. */
export interface AuthTelemetry {
  emit(event: TwinspanEvent): void
}

export interface BridgeOptions {
  /**
   * When legacy is asked about a user for the last time. `change`: when the user changes or resets the password; until
   * then a password that was changed in legacy after the upgrade is noticed. `upgrade`: at the upgrade; for a legacy
   * system in which nobody can change a password any more.
   *
   * @default 'change'
   */
  readonly closeOn?: 'change' | 'upgrade'
  /**
   * What becomes of those who have not logged in for all the time that the bridge was open. `force-reset`: their legacy
   * password opens nothing any more, and whoever types it right is told to choose another (`reset-required`). `silo`: no
   * login asks legacy; hashes that `wrapInactive` has put into the target decide, and whoever has none there is `invalid`
   * and may reset. Nobody may change a password in legacy any more, and `wrapInactive` must have run since. Sign-up and forgotten passwords still look into legacy, for as long as it is given.
   *
   * @default absent: the bridge is open
   */
  readonly closing?: 'force-reset' | 'silo'
}

export interface ShadowAuthOptions {
  /** Where passwords move to: `kyselyCredentials(targetDb, { ... })`. */
  readonly target: TargetCredentials
  /** Where they come from. Absent: every user has moved, and legacy is never asked. */
  readonly legacy?: LegacyCredentials
  /** What new hashes are made with: `argon2id()`. */
  readonly hash: PasswordHasher
  /**
   * The schemes that stored hashes may be of, besides that of `hash`. Name the one that most legacy users have first: a
   * login without a legacy hash is made to cost one of those.
   */
  readonly accepts: readonly Scheme[]
  readonly bridge?: BridgeOptions
  /** Equal cost for every failed login. `false` switches it off: then the time of the answer tells who exists. */
  readonly equalise?: EqualiserOptions | false
  /** How many passwords are computed at once and how many wait; or a gate that is shared with others in this process. */
  readonly admission?: AdmissionOptions | Admission
  readonly limits?: Partial<Limits>
  /**
   * Other forms in which legacy may have hashed what a user types: trimmed, in lower case, in Latin-1. Up to four are
   * tried beside the text itself; a refused login pays for each. Text that fits is what the new hash is made of, so
   * that it goes on fitting; bytes are another encoding, of which the new hash is free.
   *
   * @default none
   */
  readonly candidates?: Candidates
  /**
   * How new hashes spell what was typed. `nfc`: in Unicode's composed form, which makes one password of `é` and `e` with
   * an accent after it; old hashes are tried with the text as it was typed as well.
   *
   * @default 'nfc'
   */
  readonly unicode?: 'nfc' | 'as-typed'
  /**
   * The key of the fingerprints that notice a changed legacy hash, at least 16 bytes, the same in every process and for
   * as long as the bridge is open. Absent: 32 random bytes that the legacy database keeps.
   */
  readonly fingerprintKey?: string | Uint8Array
  /**
   * How long a store may take to answer before it counts as unreachable.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number
  readonly telemetry?: AuthTelemetry
}

/** The options, validated, and what is made of them. */
export interface Setup {
  readonly stores: Stores
  readonly hasher: PasswordHasher
  /** Every scheme that a stored hash may be of. */
  readonly schemes: readonly Scheme[]
  readonly admission: Admission
  readonly equaliser: Equaliser
  readonly limits: Limits
  readonly closeOnUpgrade: boolean
  readonly closing: BridgeOptions['closing']
  /** How new hashes spell a password. */
  spell(password: string): string
  /** Every form of a password that was typed. */
  formsOf(password: string): Forms
  emit(event: TwinspanEvent): void
}

export function resolveOptions(options: ShadowAuthOptions): Setup {
  const { target, legacy, hash: hasher, accepts, bridge, telemetry } = options
  requireMethods('target', target, ['find', 'findByUid', 'insertIfAbsent', 'replaceHash', 'changeBridge'])
  if (legacy !== undefined) requireMethods('legacy', legacy, ['find', 'findByUid', 'closeBridge', 'fingerprintKey'])
  requireMethods('hash', hasher, ['claims', 'read', 'hash', 'isWeaker'])
  if (!Array.isArray(accepts)) throw new InvalidOptionError('accepts', accepts, 'a list of schemes')
  for (const scheme of accepts) requireMethods('accepts', scheme, ['claims', 'read', 'dummy'])
  const closeOn = oneOf('bridge.closeOn', bridge?.closeOn, 'change', ['change', 'upgrade'])

  const closing = oneOf('bridge.closing', bridge?.closing, undefined, ['force-reset', 'silo'])
  const unicode = oneOf('unicode', options.unicode, 'nfc', ['nfc', 'as-typed']) ?? 'nfc'
  const { candidates = () => [] } = options
  if (typeof candidates !== 'function') throw new InvalidOptionError('candidates', candidates, 'a function')

  const readable = [hasher, ...accepts.filter((scheme) => scheme.name !== hasher.name)]
  const limits = resolveLimits(options.limits)
  const emit = (event: TwinspanEvent): void => {
    try {
      telemetry?.emit(event)
    } catch {
      // An observer cannot change a verdict or throw into a login.
    }
  }
  return {
    stores: createStores({
      target,
      legacy,
      fingerprintKey: options.fingerprintKey,
      timeoutMs: numberOption('timeoutMs', options.timeoutMs, 2_000, { min: 1 }),
      isWeaker: (hash) => hasher.isWeaker(hash),
      report: (finding) => emit({ type: 'auth-finding', ...finding }),
    }),
    hasher,
    schemes: [...readable, wrapped(hasher, readable)],
    admission: isAdmission(options.admission) ? options.admission : createAdmission(options.admission),
    equaliser: createEqualiser(options.equalise, hasher, accepts, limits),
    limits,
    closeOnUpgrade: closeOn === 'upgrade',
    closing,
    spell: (password) => spelled(password, unicode),
    formsOf(password) {
      try {
        return formsOf(password, { unicode, candidates, limits })
      } catch {
        emit({ type: 'auth-finding', finding: 'candidates-failed', side: 'legacy' })
        return formsOf(password, { unicode, candidates: () => [], limits })
      }
    },
    emit,
  }
}

function oneOf<T extends string>(
  name: string,
  value: T | undefined,
  fallback: T | undefined,
  known: readonly T[],
): T | undefined {
  if (value === undefined) return fallback
  if (!known.includes(value)) throw new InvalidOptionError(name, value, known.map((one) => `'${one}'`).join(' or '))
  return value
}

function requireMethods(option: string, value: unknown, methods: readonly string[]): void {
  const missing = methods.filter((method) => typeof (value as Record<string, unknown> | null)?.[method] !== 'function')
  if (missing.length > 0) {
    throw new InvalidOptionError(option, value, `an object with the methods ${methods.join(', ')}`)
  }
}

function isAdmission(value: AdmissionOptions | Admission | undefined): value is Admission {
  return value !== undefined && 'run' in value
}
