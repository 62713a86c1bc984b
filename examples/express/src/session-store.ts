import { callbackify } from 'node:util'
import type { Sessions } from '@twinspan/example-accounts'
import { type SessionData, Store } from 'express-session'

/** The sessions of the service, as express-session asks for them. */
export class SessionStore extends Store {
  readonly #sessions: Sessions

  constructor(sessions: Sessions) {
    super()
    this.#sessions = sessions
  }

  override get(id: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    callbackify(async () => {
      const data = await this.#sessions.get(id)
      return data === undefined ? null : (JSON.parse(data) as SessionData)
    })(callback)
  }

  override set(id: string, session: SessionData, callback: (error?: unknown) => void = () => {}): void {
    callbackify(() => this.#sessions.set(id, JSON.stringify(session), session.user))(callback)
  }

  override touch(id: string, _session: SessionData, callback: () => void = () => {}): void {
    callbackify(() => this.#sessions.touch(id))(callback)
  }

  override destroy(id: string, callback: (error?: unknown) => void = () => {}): void {
    callbackify(() => this.#sessions.destroy(id))(callback)
  }
}
