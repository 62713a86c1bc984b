import { createHash, createHmac, randomBytes } from 'node:crypto'
import { DIGEST_BYTES, type DigestName } from './digest-bytes.ts'
import { fromAnyBase64, fromPaddedBase64 } from './encoding.ts'
import { readingOf, refuse, type Scheme } from './scheme.ts'

const SALTED =
  /^\$(sha1|sha256|sha512|md5)\$pf=([A-Za-z0-9+/]{1,512}={0,2})\$([A-Za-z0-9+/]*={0,2})\$([A-Za-z0-9+/]+={0,2})$/
const PLAIN_MD5 = /^\$md5\$([A-Za-z0-9+/]{22}==)$/
const KEYED = /^\$hmac-(md5|sha1|sha224|sha256|sha384|sha512)\$([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})$/

/**
 * What Ory Kratos imports: `$sha1$pf=..$salt$digest`, with `pf` a format in base64 such as `{SALT}{PASSWORD}`, for SHA-1,
 * SHA-256, SHA-512 and MD5; and `$md5$digest`.
 */
export function kratosDigest(): Scheme {
  return {
    name: 'kratos-digest',
    claims: (hash) => PLAIN_MD5.test(hash) || /^\$(?:sha1|sha256|sha512|md5)\$pf=/.test(hash),
    read(hash) {
      const plain = PLAIN_MD5.exec(hash)?.[1]
      const [, name = 'md5', format, saltText = '', storedText = plain ?? ''] = SALTED.exec(hash) ?? []
      const stored = fromPaddedBase64(storedText)
      const salt = fromPaddedBase64(saltText)
      const pieces =
        format === undefined
          ? ['{PASSWORD}']
          : fromPaddedBase64(format)
              ?.toString()
              .split(/(\{SALT\}|\{PASSWORD\})/)
      if (stored?.length !== DIGEST_BYTES[name as DigestName] || salt === undefined) return refuse('malformed')
      // Without the password in it, every password would be the right one.
      if (pieces?.includes('{PASSWORD}') !== true) return refuse('malformed')
      return readingOf(
        {},
        {
          shell: hash.slice(0, -storedText.length) + Buffer.alloc(stored.length).toString('base64'),
          digest: storedText,
          async derive(password) {
            const made = createHash(name)
            for (const piece of pieces)
              made.update(piece === '{SALT}' ? salt : piece === '{PASSWORD}' ? password : piece)
            return made.digest('base64')
          },
        },
      )
    },
    dummy: () => {
      const format = Buffer.from('{SALT}{PASSWORD}').toString('base64')
      return `$sha256$pf=${format}$${randomBytes(12).toString('base64')}$${randomBytes(32).toString('base64')}`
    },
  }
}

/** What Ory Kratos imports: `$hmac-sha256$digest$key`, the digest in hex and then in base64. */
export function kratosHmac(): Scheme {
  return {
    name: 'kratos-hmac',
    claims: (hash) => hash.startsWith('$hmac-'),
    read(hash) {
      const [, name, digestText = '', keyText = ''] = KEYED.exec(hash) ?? []
      if (name === undefined) return refuse(/^\$hmac-[a-z0-9]{1,16}\$/.test(hash) ? 'unsupported' : 'malformed')
      const key = fromAnyBase64(keyText)
      const hex = fromPaddedBase64(digestText)?.toString('latin1') ?? ''
      if (key === undefined || !/^[0-9a-f]+$/.test(hex) || hex.length !== 2 * DIGEST_BYTES[name as DigestName])
        return refuse('malformed')
      const zeros = Buffer.from('0'.repeat(hex.length)).toString('base64')
      return readingOf(
        {},
        {
          shell: `$hmac-${name}$${zeros}$${keyText}`,
          digest: hex,
          derive: async (password) => createHmac(name, key).update(password).digest('hex'),
        },
      )
    },
    dummy: () => {
      const digest = Buffer.from(randomBytes(32).toString('hex')).toString('base64')
      return `$hmac-sha256$${digest}$${randomBytes(16).toString('base64')}`
    },
  }
}
