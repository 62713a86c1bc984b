import { callbackify } from 'node:util'
import type { SessionStore } from '@fastify/session'
import type { Sessions } from '@twinspan/example-accounts'
import type { Session } from 'fastify'

/** The sessions of the service, as @fastify/session asks for them. */
export function sessionStore(sessions: Sessions): SessionStore {
  return {
    get(id, callback) {
      callbackify(async () => {
        const data = await sessions.get(id)
        return data === undefined ? null : (JSON.parse(data) as Session)
      })(callback)
    },
    set(id, session, callback) {
      callbackify(() => sessions.set(id, JSON.stringify(session), session.user))(callback)
    },
    destroy(id, callback) {
      callbackify(() => sessions.destroy(id))(callback)
    },
  }
}
