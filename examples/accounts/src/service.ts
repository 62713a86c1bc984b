import type { ShadowAuth } from '@twinspan/shadow-auth'
import { createAuth } from './auth.ts'
import { type Config, configFrom } from './config.ts'
import { openDatabases } from './databases.ts'
import { prepare } from './prepare.ts'
import { createResets, type Mailer, type Resets } from './resets.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { createTwin, type Twin } from './twin.ts'

/** What routes are made of, whatever framework they are written with. */
export interface Parts {
  readonly config: Pick<Config, 'production' | 'sessionSecret' | 'proxies' | 'console'>
  readonly auth: ShadowAuth
  readonly sessions: Sessions
  readonly resets: Resets
  readonly twin: Twin
  /** Wrong passwords and reset mails per address in a quarter of an hour. @default 20 */
  readonly attempts?: number
}

export interface Service extends Parts {
  readonly config: Config
  /** Once nobody asks any more. */
  close(): Promise<void>
}

/** Opens the databases, takes part in the migration, and says what the routes need. */
export async function openService(env: Readonly<Record<string, string | undefined>>): Promise<Service> {
  const config = configFrom(env)
  const databases = openDatabases(config)
  if (!config.production) await prepare(databases)
  const twin = createTwin(databases)
  await twin.start()

  const { fingerprintKey } = config
  // Logins are counted where everything else of the migration is: by OpenTelemetry, if the process has it, and on the console.
  const telemetry = twin.migration.events
  const auth = createAuth({ ...databases, telemetry, ...(fingerprintKey === undefined ? {} : { fingerprintKey }) })
  // A real service sends a mail here. In production nothing may be printed: a token is as good as a password.
  const mail: Mailer = async (to, token) => {
    if (config.production) throw new Error('There is no mail server.')
    console.log(`To ${to}: your token is ${token}`)
  }
  return {
    config,
    auth,
    twin,
    sessions: createSessions(databases.legacy),
    resets: createResets({ auth, db: databases.legacy, mail }),
    async close() {
      await twin.stop()
      await databases.close()
    },
  }
}
