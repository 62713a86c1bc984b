import { isUtf8 } from 'node:buffer'
import { createHash, createHmac, hash as digest, randomBytes } from 'node:crypto'
import { fromPaddedBase64, integer } from './encoding.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { type CostParams, paramBytes, readingOf, refuse, type Scheme } from './scheme.ts'

const MD5_FORM = /^md5([0-9a-f]{32})(?::([\s\S]+))?$/i

/**
 * `pg_authid` of PostgreSQL with `password_encryption = md5`: `md5` and MD5 over password and user name. The name is
 * `params.username`, or stands behind the hash after a colon.
 */
export function postgresMd5(): Scheme {
  return {
    name: 'postgres-md5',
    claims: (hash) => MD5_FORM.test(hash),
    read(hash, _limits, params) {
      const [, stored = '', written] = MD5_FORM.exec(hash) ?? []
      const name = written === undefined ? paramBytes(params, 'username') : Buffer.from(written)
      if (name === undefined) return refuse('ambiguous')
      return readingOf(
        {},
        {
          shell: `md5${'0'.repeat(32)}${hash.slice(35)}`,
          digest: stored.toLowerCase(),
          derive: async (password) => createHash('md5').update(password).update(name).digest('hex'),
        },
      )
    },
    dummy: () => `md5${randomBytes(16).toString('hex')}:${randomBytes(4).toString('hex')}`,
  }
}

const SCRAM_FORM = /^SCRAM-SHA-256\$(\d{1,10}):([A-Za-z0-9+/=]{1,128})\$([A-Za-z0-9+/=]{44}):([A-Za-z0-9+/=]{44})$/

/** `pg_authid` of PostgreSQL since 10: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`. */
export function postgresScram(): Scheme {
  return {
    name: 'postgres-scram',
    claims: (hash) => hash.startsWith('SCRAM-SHA-256$'),
    read(hash, limits) {
      const [, iterations, saltText = '', storedText = ''] = SCRAM_FORM.exec(hash) ?? []
      const stored = fromPaddedBase64(storedText)
      if (stored?.length !== 32) return refuse('malformed')
      const parts = { iterations: integer(iterations), salt: fromPaddedBase64(saltText), key: stored }
      const toStored = (salted: Buffer): Buffer =>
        digest('sha256', createHmac('sha256', salted).update('Client Key').digest(), 'buffer')
      return readPbkdf2('sha256', parts, limits, { prepare, finish: toStored })
    },
    dummy: ({ iterations = 4_096 }: CostParams = {}) => {
      const [salt, stored, server] = [16, 32, 32].map((bytes) => randomBytes(bytes).toString('base64'))
      return `SCRAM-SHA-256$${iterations}:${salt}$${stored}:${server}`
    },
  }
}

// SASLprep, of which NFKC is the part that text from a keyboard can meet. What is no UTF-8 is used as it is.
function prepare(password: Buffer): Buffer {
  return isUtf8(password) ? Buffer.from(password.toString().normalize('NFKC')) : password
}
