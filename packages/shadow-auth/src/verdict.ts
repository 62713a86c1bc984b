import type { KeyPart } from '@twinspan/core'

/**
 * Why a login was refused. `invalid`: no such login, or not this password. `unavailable`: the store that knows could not
 * be asked, which says nothing about the password and must not count towards a lockout. `locked`: the password is
 * right, the account is locked. `busy`: too many logins at once, try again. `reset-required`, only while a bridge closes
 * with `force-reset`: the legacy password is right and opens nothing any more.
 */
export type Refused = 'invalid' | 'unavailable' | 'locked' | 'busy' | 'reset-required'

/** A refusal, as all verdicts have it. */
interface Refusal<Reason> {
  readonly ok: false
  readonly reason: Reason
  /** With `busy`: in how many milliseconds there should be room. */
  readonly retryAfterMs?: number
}

export type Verdict =
  | {
      readonly ok: true
      readonly uid: KeyPart
      /** The store whose hash was verified. */
      readonly via: 'target' | 'legacy'
      /** Whether this login stored a new hash in the target. */
      readonly upgraded: boolean
    }
  | Refusal<Refused>

/** `unacceptable`: the new password is no text, empty, too long or malformed. Nothing was changed by any refusal. */
export type ChangeVerdict = { readonly ok: true; readonly uid: KeyPart } | Refusal<Refused | 'unacceptable'>

export type ResetCandidate =
  | {
      readonly ok: true
      readonly uid: KeyPart
      /** As the store has it, which may be spelled otherwise than it was typed. */
      readonly login: string
      readonly via: 'target' | 'legacy'
    }
  | { readonly ok: false; readonly reason: 'invalid' | 'unavailable' }
