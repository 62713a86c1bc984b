import { randomBytes } from 'node:crypto'
import { isDigestName } from './digest-bytes.ts'
import { integer, randomHash64 } from './encoding.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { type CostParams, refuse, type Scheme } from './scheme.ts'

const FORM = /^pbkdf2:([a-z0-9]{1,16}):(\d+)\$([^$]*)\$((?:[0-9a-f]{2})+)$/

/** Werkzeug and Flask: `pbkdf2:digest:iterations$salt$key`, the key in hex. */
export function werkzeugPbkdf2(): Scheme {
  return {
    name: 'werkzeug-pbkdf2',
    claims: (hash) => hash.startsWith('pbkdf2:'),
    read(hash, limits) {
      const [, digest = '', iterations, salt, key = ''] = FORM.exec(hash) ?? []
      if (salt === undefined) return refuse('malformed')
      if (!isDigestName(digest)) return refuse('unsupported')
      const parts = { iterations: integer(iterations), salt: Buffer.from(salt), key: Buffer.from(key, 'hex') }
      return readPbkdf2(digest, parts, limits)
    },
    dummy: ({ iterations = 600_000 }: CostParams = {}) =>
      `pbkdf2:sha256:${iterations}$${randomHash64(16)}$${randomBytes(32).toString('hex')}`,
  }
}
