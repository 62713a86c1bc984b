import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Config {
  readonly production: boolean
  readonly host: string
  readonly port: number
  /** The old system: `mysql://...`, or a file. */
  readonly legacy: string
  /** The new one: `postgres://...`, or a file. */
  readonly target: string
  /** What session cookies are signed with. */
  readonly sessionSecret: string
  /** The key of the fingerprints of legacy hashes; absent: the legacy database keeps one. */
  readonly fingerprintKey?: string
  /** How many proxies stand in front of the service: whose word on the client's address is taken. */
  readonly proxies: number
  readonly console: ConsoleConfig
}

/** Who gets to see the console of the migration, and under which names of this service. */
export interface ConsoleConfig {
  /** Ids of members. */
  readonly admins: readonly number[]
  /** Whether they may do more than look. */
  readonly mayAct: boolean
  /** Absent: every name. */
  readonly hosts?: readonly string[]
}

/** How many characters a secret has at least. */
const SECRET_LENGTH = 32

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The configuration, from the environment.
 *
 * @throws Error when a variable is missing that production cannot do without, or cannot be meant; it never quotes a secret
 */
export function configFrom(env: Environment): Config {
  const production = env['NODE_ENV'] === 'production'
  const secret = env['SESSION_SECRET']
  if (production && secret === undefined) throw new Error('SESSION_SECRET is needed in production.')
  if (secret !== undefined && secret.length < SECRET_LENGTH) {
    throw new Error(`SESSION_SECRET needs ${SECRET_LENGTH} characters at least.`)
  }
  const fingerprintKey = env['FINGERPRINT_KEY']
  return {
    production,
    host: env['HOST'] ?? '127.0.0.1',
    port: integer('PORT', env['PORT'], 3000),
    ...storesFrom(env, production),
    // While developing: whoever was logged in before a restart is not any more.
    sessionSecret: secret ?? randomBytes(32).toString('hex'),
    ...(fingerprintKey === undefined ? {} : { fingerprintKey }),
    proxies: integer('PROXIES', env['PROXIES'], 0),
    console: consoleFrom(env, production),
  }
}

function storesFrom(env: Environment, production: boolean): Pick<Config, 'legacy' | 'target'> {
  const directory = env['DATA_DIRECTORY'] ?? join(tmpdir(), 'twinspan-example')
  const [legacy, target] = [env['LEGACY_URL'], env['TARGET_URL']]
  if (production && env['DATA_DIRECTORY'] === undefined && (legacy === undefined || target === undefined)) {
    throw new Error('LEGACY_URL and TARGET_URL, or DATA_DIRECTORY, are needed in production.')
  }
  if (legacy?.startsWith('mysql://') === false) throw new Error('LEGACY_URL begins with mysql://.')
  if (target !== undefined && !/^postgres(ql)?:\/\//.test(target))
    throw new Error('TARGET_URL begins with postgres://.')
  return { legacy: legacy ?? join(directory, 'legacy.db'), target: target ?? join(directory, 'target.db') }
}

function consoleFrom(env: Environment, production: boolean): ConsoleConfig {
  // While developing: Ann.
  const admins = (env['ADMINS'] ?? (production ? '' : '1')).split(',').filter((id) => id !== '')
  const hosts = env['CONSOLE_HOSTS']?.split(',')
  return {
    admins: admins.map((id) => integer('ADMINS', id, 0)),
    mayAct: env['CONSOLE_ACTIONS'] === undefined ? !production : env['CONSOLE_ACTIONS'] === 'on',
    ...(hosts === undefined ? {} : { hosts }),
  }
}

function integer(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  if (!/^\d{1,5}$/.test(text)) throw new Error(`${name} is a number from 0 to 99999.`)
  return Number(text)
}
