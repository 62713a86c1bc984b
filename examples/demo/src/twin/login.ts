import { kyselyCredentials } from '@twinspan/kysely'
import type { AuthTelemetry, Verdict } from '@twinspan/shadow-auth'
import { argon2id, bcrypt, createShadowAuth } from '@twinspan/shadow-auth'
import type { Kysely } from 'kysely'
import type { LegacySchema } from '../legacy/schema.ts'
import type { LoginVerdict } from '../service/app.ts'
import type { TargetSchema } from '../target/schema.ts'

/** How long a login waits for a target that does not answer before legacy alone decides, where it may. */
const TIMEOUT_MS = 4_000

/** The login handler's one dependency: proves a password against both stores and moves it into the target. */
export function createLogin(
  legacyDb: Kysely<LegacySchema>,
  targetDb: Kysely<TargetSchema>,
  telemetry: AuthTelemetry,
): (login: string, password: string) => Promise<LoginVerdict> {
  const auth = createShadowAuth({
    legacy: kyselyCredentials(legacyDb, {
      table: 'members',
      uid: 'member_no',
      login: 'mail',
      hash: 'passwd',
    }),
    target: kyselyCredentials(targetDb, {
      table: 'credentials',
      uid: 'user_id',
      hash: 'hash',
      identities: { table: 'users', uid: 'id' },
      login: 'email',
    }),
    hash: argon2id(),
    accepts: [bcrypt()],
    timeoutMs: TIMEOUT_MS,
    telemetry,
  })
  return async (login, password) => said(await auth.verifyAndUpgrade(login, password))
}

function said(verdict: Verdict): LoginVerdict {
  if (!verdict.ok) return verdict
  return { ok: true, member: Number(verdict.uid), via: verdict.via, upgraded: verdict.upgraded }
}
