import { kyselyCredentials } from '@twinspan/kysely'
import {
  argon2id,
  bcrypt,
  createShadowAuth,
  phpass,
  type ShadowAuth,
  type ShadowAuthOptions,
} from '@twinspan/shadow-auth'
import { md5Crypt } from '@twinspan/shadow-auth/schemes'
import type { Databases } from './databases.ts'

export interface AuthParts extends Pick<Databases, 'legacy' | 'target'> {
  readonly fingerprintKey?: string
  readonly telemetry?: NonNullable<ShadowAuthOptions['telemetry']>
  /** Cheaper hashes, for tests. */
  readonly hash?: ShadowAuthOptions['hash']
  readonly admission?: NonNullable<ShadowAuthOptions['admission']>
}

/** The one place of a login that knows of two databases. */
export function createAuth({ legacy, target, hash = argon2id(), ...rest }: AuthParts): ShadowAuth {
  const { fingerprintKey, telemetry, admission } = rest
  return createShadowAuth({
    legacy: kyselyCredentials(legacy, {
      table: 'members',
      uid: 'member_id',
      login: 'mail',
      hash: 'passwd',
      locked: 'banned',
    }),
    target: kyselyCredentials(target, {
      table: 'credentials',
      uid: 'user_id',
      hash: 'hash',
      identities: { table: 'users', uid: 'id', locked: 'banned' },
      login: 'email',
      normaliseLogin: (login) => login.toLowerCase(),
    }),
    hash,
    accepts: [bcrypt(), phpass(), md5Crypt()],
    ...(fingerprintKey === undefined ? {} : { fingerprintKey }),
    ...(telemetry === undefined ? {} : { telemetry }),
    ...(admission === undefined ? {} : { admission }),
  })
}
