import { randomBytes } from 'node:crypto'
import { fromPaddedBase64 } from './encoding.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { refuse, type Scheme } from './scheme.ts'

/** Jira, Confluence, Crowd: `{PKCS5S2}`. */
export function atlassianPbkdf2(): Scheme {
  const prefix = '{PKCS5S2}'
  return {
    name: 'atlassian-pbkdf2',
    claims: (hash) => hash.startsWith(prefix),
    read(hash, limits) {
      const bytes = fromPaddedBase64(hash.slice(prefix.length))
      if (bytes?.length !== 48) return refuse('malformed')
      return readPbkdf2('sha1', { iterations: 10_000, salt: bytes.subarray(0, 16), key: bytes.subarray(16) }, limits)
    },
    dummy: () => prefix + randomBytes(48).toString('base64'),
  }
}
