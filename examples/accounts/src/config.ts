import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Config {
  readonly production: boolean
  readonly host: string
  readonly port: number
  /** Where the two databases are. */
  readonly dataDirectory: string
  /** What session cookies are signed with. */
  readonly sessionSecret: string
  /** The key of the fingerprints of legacy hashes; absent: the legacy database keeps one. */
  readonly fingerprintKey?: string
  /** How many proxies stand in front of the service: whose word on the client's address is taken. */
  readonly proxies: number
}

/** How many characters a secret has at least. */
const SECRET_LENGTH = 32

/**
 * The configuration, from the environment.
 *
 * @throws Error when a variable is missing that production cannot do without, or cannot be meant; it never quotes a secret
 */
export function configFrom(env: Readonly<Record<string, string | undefined>>): Config {
  const production = env['NODE_ENV'] === 'production'
  const secret = env['SESSION_SECRET']
  if (production && secret === undefined) throw new Error('SESSION_SECRET is needed in production.')
  if (secret !== undefined && secret.length < SECRET_LENGTH) {
    throw new Error(`SESSION_SECRET needs ${SECRET_LENGTH} characters at least.`)
  }
  const directory = env['DATA_DIRECTORY']
  if (production && directory === undefined) throw new Error('DATA_DIRECTORY is needed in production.')
  const fingerprintKey = env['FINGERPRINT_KEY']
  return {
    production,
    host: env['HOST'] ?? '127.0.0.1',
    port: integer('PORT', env['PORT'], 3000),
    dataDirectory: directory ?? join(tmpdir(), 'twinspan-example'),
    // While developing: whoever was logged in before a restart is not any more.
    sessionSecret: secret ?? randomBytes(32).toString('hex'),
    ...(fingerprintKey === undefined ? {} : { fingerprintKey }),
    proxies: integer('PROXIES', env['PROXIES'], 0),
  }
}

function integer(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  if (!/^\d{1,5}$/.test(text)) throw new Error(`${name} is a number from 0 to 99999.`)
  return Number(text)
}
