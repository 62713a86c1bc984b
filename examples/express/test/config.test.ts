import { configFrom } from '@twinspan/example-accounts'
import { describe, expect, it } from 'vitest'

const SECRET = 'a secret of thirty-two characters'

describe('the configuration', () => {
  it.each<[string, Record<string, string>]>([
    ['SESSION_SECRET is needed in production', { NODE_ENV: 'production', DATA_DIRECTORY: '/data' }],
    [
      'LEGACY_URL and TARGET_URL, or DATA_DIRECTORY, are needed in production',
      { NODE_ENV: 'production', SESSION_SECRET: SECRET },
    ],
    ['SESSION_SECRET needs 32 characters', { SESSION_SECRET: 'too short a secret' }],
    ['LEGACY_URL begins with mysql', { LEGACY_URL: 'postgres://127.0.0.1/old' }],
    ['TARGET_URL begins with postgres', { TARGET_URL: 'mysql://127.0.0.1/new' }],
    ['ADMINS is a number', { ADMINS: 'ann' }],
    ['PORT is a number', { PORT: 'http' }],
    ['PROXIES is a number', { PROXIES: 'all' }],
  ])('is refused: %s', (message, env) => {
    expect(() => configFrom(env)).toThrow(message)
    expect(() => configFrom(env)).not.toThrow('too short a secret')
  })

  it('takes what it is given', () => {
    const env = { NODE_ENV: 'production', DATA_DIRECTORY: '/data', SESSION_SECRET: SECRET, PROXIES: '1', PORT: '80' }
    expect(configFrom(env)).toEqual({
      production: true,
      host: '127.0.0.1',
      port: 80,
      legacy: '/data/legacy.db',
      target: '/data/target.db',
      sessionSecret: SECRET,
      proxies: 1,
      console: { admins: [], mayAct: false },
    })
    expect(configFrom({ FINGERPRINT_KEY: 'a key of sixteen bytes' })).toMatchObject({
      production: false,
      fingerprintKey: 'a key of sixteen bytes',
    })
    const stores = { LEGACY_URL: 'mysql://127.0.0.1/old', TARGET_URL: 'postgres://127.0.0.1/new' }
    const shown = { ADMINS: '1,7', CONSOLE_ACTIONS: 'on', CONSOLE_HOSTS: 'ops.example.com' }
    expect(configFrom({ NODE_ENV: 'production', SESSION_SECRET: SECRET, ...stores, ...shown })).toMatchObject({
      legacy: 'mysql://127.0.0.1/old',
      target: 'postgres://127.0.0.1/new',
      console: { admins: [1, 7], mayAct: true, hosts: ['ops.example.com'] },
    })
    // While developing each start has a secret of its own.
    expect(configFrom({}).sessionSecret).not.toBe(configFrom({}).sessionSecret)
  })
})
