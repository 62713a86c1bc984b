import { type KeyPart, traced } from '@twinspan/core'
import { findForReset, isReserved, noteLegacyChange } from './accounts.ts'
import { resolveOptions, type ShadowAuthOptions } from './options.ts'
import { prove, refusalOf } from './prove.ts'
import { changePassword, resetPassword } from './set-password.ts'
import { upgrade } from './upgrade.ts'
import type { ChangeVerdict, ResetCandidate, Verdict } from './verdict.ts'

export interface CallOptions {
  /** Ends the wait for a place at the gate. A password that is already being computed is computed to the end. */
  readonly signal?: AbortSignal
}

/** Authentication across both stores. No method throws for what a user typed or a store did, unless it says so. */
export interface ShadowAuth {
  /**
   * Verifies a password against the store that holds the last one that was set, and moves it into the target.
   *
   * @param login anything a request may carry; what is no text is `invalid`
   * @throws the signal's reason when it aborts
   */
  verifyAndUpgrade(login: unknown, password: unknown, options?: CallOptions): Promise<Verdict>
  /** Replaces a password that its owner knows. When it reports success legacy is never asked about this user again. */
  changePassword(login: unknown, current: unknown, next: unknown, options?: CallOptions): Promise<ChangeVerdict>
  /**
   * Sets a password for a user whose right to it the application has proven. When it reports success legacy is never
   * asked about this user again.
   */
  resetPassword(uid: KeyPart, next: unknown, options?: CallOptions): Promise<ChangeVerdict>
  /**
   * To be called after legacy has stored a new password for a user, and before that is reported as a success. From then
   * on legacy decides until the next upgrade. `unavailable`: call it again.
   */
  onLegacyPasswordChanged(
    uid: KeyPart,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: 'unavailable' }>
  /** The account that a forgotten password belongs to, whether its owner has migrated or not. */
  findForReset(login: unknown): Promise<ResetCandidate>
  /**
   * Whether a login belongs to somebody in either store: to be asked at sign-up, or a stranger takes the login of a user
   * who has not migrated yet.
   *
   * @throws UnavailableError when it cannot be told
   */
  isReserved(login: unknown): Promise<boolean>
}

/**
 * @throws InvalidOptionError
 */
export function createShadowAuth(options: ShadowAuthOptions): ShadowAuth {
  const setup = resolveOptions(options)
  const { emit, stores } = setup

  const changing = async (change: () => Promise<ChangeVerdict>): Promise<ChangeVerdict> => {
    const verdict = await change()
    const outcome = verdict.ok ? 'changed' : verdict.reason
    emit({ type: 'auth', via: 'target', scheme: setup.hasher.name, upgraded: verdict.ok, outcome })
    return verdict
  }

  return {
    verifyAndUpgrade: (login, password, { signal } = {}) =>
      traced('twinspan.login', {}, async (): Promise<Verdict> => {
        const proof = await prove(
          {
            login,
            password,
            signal,
            wanted(via, { target }, { hash }, proven) {
              const moves = via === 'legacy' ? target.kind !== 'down' : stores.isWeaker(hash ?? '')
              return moves ? proven : undefined
            },
          },
          setup,
        )
        if (!proof.ok) {
          const { reason, via, scheme } = proof
          emit({ type: 'auth', via, scheme, upgraded: false, outcome: reason })
          return refusalOf(proof)
        }
        const { via, scheme, credential } = proof
        const upgraded = await upgrade(proof, setup)
        emit({ type: 'auth', via, scheme, upgraded, outcome: 'ok' })
        return { ok: true, uid: credential.uid, via, upgraded }
      }),
    changePassword: (login, current, next, { signal } = {}) =>
      changing(() => changePassword(login, current, next, signal, setup)),
    resetPassword: (uid, next, { signal } = {}) => changing(() => resetPassword(uid, next, signal, setup)),
    onLegacyPasswordChanged: (uid) => noteLegacyChange(uid, setup),
    findForReset: (login) => findForReset(login, setup),
    isReserved: (login) => isReserved(login, setup),
  }
}
