import type { Kysely } from 'kysely'
import type { LegacyDB } from './databases.ts'

/** What a session may hold. */
export interface SessionUser {
  readonly id: number
  readonly email: string
}

/** Where sessions are kept: in the database, so that every process of the service knows them. */
export interface Sessions {
  /** What was set, as JSON; `undefined` when there is none or it has expired. */
  get(id: string): Promise<string | undefined>
  set(id: string, data: string, user: SessionUser | undefined): Promise<void>
  touch(id: string): Promise<void>
  destroy(id: string): Promise<void>
  /** Ends every session of a user, but the one that may stay: after a change of the password. */
  destroyAllOf(userId: number, but?: string): Promise<void>
}

/** How long a session may lie idle. */
export const SESSION_MS = 12 * 60 * 60 * 1_000

export function createSessions(db: Kysely<LegacyDB>, now: () => number = Date.now): Sessions {
  return {
    async get(id) {
      const row = await db
        .selectFrom('sessions')
        .select('data')
        .where('id', '=', id)
        .where('expires_at', '>', now())
        .executeTakeFirst()
      return row?.data
    },
    async set(id, data, user) {
      await db.deleteFrom('sessions').where('expires_at', '<=', now()).execute()
      await db
        .replaceInto('sessions')
        .values({ id, user_id: user?.id ?? null, data, expires_at: now() + SESSION_MS })
        .execute()
    },
    async touch(id) {
      await db
        .updateTable('sessions')
        .set({ expires_at: now() + SESSION_MS })
        .where('id', '=', id)
        .execute()
    },
    async destroy(id) {
      await db.deleteFrom('sessions').where('id', '=', id).execute()
    },
    async destroyAllOf(userId, but = '') {
      await db.deleteFrom('sessions').where('user_id', '=', userId).where('id', '<>', but).execute()
    },
  }
}
