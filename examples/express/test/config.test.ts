import { configFrom } from '@twinspan/example-accounts'
import { describe, expect, it } from 'vitest'

const SECRET = 'a secret of thirty-two characters'

describe('the configuration', () => {
  it.each<[string, Record<string, string>]>([
    ['SESSION_SECRET is needed in production', { NODE_ENV: 'production', DATA_DIRECTORY: '/data' }],
    ['DATA_DIRECTORY is needed in production', { NODE_ENV: 'production', SESSION_SECRET: SECRET }],
    ['SESSION_SECRET needs 32 characters', { SESSION_SECRET: 'too short a secret' }],
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
      dataDirectory: '/data',
      sessionSecret: SECRET,
      proxies: 1,
    })
    expect(configFrom({ FINGERPRINT_KEY: 'a key of sixteen bytes' })).toMatchObject({
      production: false,
      fingerprintKey: 'a key of sixteen bytes',
    })
    // While developing each start has a secret of its own.
    expect(configFrom({}).sessionSecret).not.toBe(configFrom({}).sessionSecret)
  })
})
