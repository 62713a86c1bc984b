import { createHash, randomBytes } from 'node:crypto'
import type { ChangeVerdict, ShadowAuth } from '@twinspan/shadow-auth'
import type { Kysely } from 'kysely'
import type { LegacyDB } from './databases.ts'

/** Sends somebody the token with which a new password may be set. */
export type Mailer = (to: string, token: string) => Promise<void>

export interface Resets {
  /** Mails a token, if the address belongs to somebody. Tells nothing: the answer to the client has been given already. */
  request(email: unknown): Promise<void>
  /** Sets a new password. A token works once; one that met a store that is down works again. */
  confirm(token: unknown, password: unknown): Promise<ChangeVerdict | 'bad-token'>
}

/** How long a token lives. */
const TOKEN_MS = 30 * 60 * 1_000

export interface ResetParts {
  readonly auth: ShadowAuth
  readonly db: Kysely<LegacyDB>
  readonly mail: Mailer
  readonly now?: () => number
}

export function createResets({ auth, db, mail, now = Date.now }: ResetParts): Resets {
  return {
    async request(email) {
      const found = await auth.findForReset(email)
      if (!found.ok) return
      const token = randomBytes(32).toString('base64url')
      await db.deleteFrom('reset_tokens').where('expires_at', '<=', now()).execute()
      await db
        .insertInto('reset_tokens')
        .values({ digest: digestOf(token), user_id: Number(found.uid), expires_at: now() + TOKEN_MS, claimed: 0 })
        .execute()
      await mail(found.login, token)
    },
    async confirm(token, password) {
      if (typeof token !== 'string' || token.length > 100) return 'bad-token'
      const digest = digestOf(token)
      // One statement claims it: of two that come at once, one is too late.
      const { numUpdatedRows } = await db
        .updateTable('reset_tokens')
        .set({ claimed: 1 })
        .where('digest', '=', digest)
        .where('claimed', '=', 0)
        .where('expires_at', '>', now())
        .executeTakeFirstOrThrow()
      if (numUpdatedRows === 0n) return 'bad-token'
      const { user_id } = await db
        .selectFrom('reset_tokens')
        .select('user_id')
        .where('digest', '=', digest)
        .executeTakeFirstOrThrow()
      const verdict = await auth.resetPassword(user_id, password)
      if (verdict.ok) await db.deleteFrom('reset_tokens').where('user_id', '=', user_id).execute()
      else await db.updateTable('reset_tokens').set({ claimed: 0 }).where('digest', '=', digest).execute()
      return verdict
    },
  }
}

// The database holds digests: whoever reads it cannot use them. A token is random, so that a fast digest will do.
function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
