import { randomBytes } from 'node:crypto'
import { toUtf16 } from './encoding.ts'
import { md4 } from './md4.ts'
import { readingOf, type Scheme } from './scheme.ts'
import { template } from './template.ts'

/** One MD5 in hex, without salt. Nothing in the string says that it is MD5, so it has to be named. */
export function md5Hex(): Scheme {
  return template({ name: 'md5', algorithm: 'md5', parts: ['password'] })
}

/** One SHA-1 in hex, without salt. */
export function sha1Hex(): Scheme {
  return template({ name: 'sha1', algorithm: 'sha1', parts: ['password'] })
}

/** One SHA-256 in hex, without salt. */
export function sha256Hex(): Scheme {
  return template({ name: 'sha256', algorithm: 'sha256', parts: ['password'] })
}

/** One SHA-512 in hex, without salt. */
export function sha512Hex(): Scheme {
  return template({ name: 'sha512', algorithm: 'sha512', parts: ['password'] })
}

/** NTLM: MD4 of the password in UTF-16, in hex; `$3$$` before it, as crypt(3) of FreeBSD has it, or not. */
export function ntlm(): Scheme {
  const form = /^(?:\$3\$\$)?([0-9a-f]{32})$/i
  return {
    name: 'ntlm',
    claims: (hash) => form.test(hash),
    read(hash) {
      const digest = form.exec(hash)?.[1]?.toLowerCase() ?? ''
      const shell = '0'.repeat(32)
      return readingOf({}, { shell, digest, derive: async (password) => md4(toUtf16(password)).toString('hex') })
    },
    dummy: () => randomBytes(16).toString('hex'),
  }
}
