import { randomBytes } from 'node:crypto'
import { randomHash64 } from './encoding.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { paramBytes, refuse, type Scheme } from './scheme.ts'

/** Grafana: PBKDF2-SHA256, 50 bytes in hex. Its salt is `params.salt`, or stands behind the hash after a colon. */
export function grafana(): Scheme {
  const form = /^([0-9a-f]{100})(?::([\s\S]{1,64}))?$/i
  return {
    name: 'grafana',
    claims: (hash) => form.test(hash),
    read(hash, limits, params) {
      const [, key = '', written] = form.exec(hash) ?? []
      const salt = written === undefined ? paramBytes(params, 'salt') : Buffer.from(written)
      if (salt === undefined) return refuse('ambiguous')
      return readPbkdf2('sha256', { iterations: 10_000, salt, key: Buffer.from(key, 'hex') }, limits)
    },
    dummy: () => `${randomBytes(50).toString('hex')}:${randomHash64(10)}`,
  }
}
