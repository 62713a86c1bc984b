import { hash as digest, randomBytes } from 'node:crypto'
import { readingOf, refuse, type Scheme } from './scheme.ts'

/** `PASSWORD()` of MySQL 4.1 and later, `mysql_native_password`: `*` and SHA-1 of the SHA-1 in hex. */
export function mysql41(): Scheme {
  return {
    name: 'mysql41',
    claims: (hash) => /^\*[0-9A-Fa-f]{40}$/.test(hash),
    read(hash) {
      const stored = Buffer.from(hash.slice(1), 'hex')
      if (stored.length !== 20) return refuse('malformed')
      return readingOf(
        {},
        {
          shell: `*${'0'.repeat(40)}`,
          digest: stored.toString('hex'),
          derive: async (password) => digest('sha1', digest('sha1', password, 'buffer'), 'hex'),
        },
      )
    },
    dummy: () => `*${randomBytes(20).toString('hex').toUpperCase()}`,
  }
}

/** `OLD_PASSWORD()`, the `PASSWORD()` of MySQL before 4.1: sixteen hex digits. Blanks and tabs are not looked at. */
export function mysql323(): Scheme {
  return {
    name: 'mysql323',
    claims: (hash) => /^[0-9A-Fa-f]{16}$/.test(hash),
    read(hash) {
      const stored = Buffer.from(hash, 'hex')
      if (stored.length !== 8) return refuse('malformed')
      const shell = '0'.repeat(16)
      return readingOf({}, { shell, digest: stored.toString('hex'), derive: async (password) => derive(password) })
    },
    // Neither half has its highest bit set.
    dummy: () => Buffer.from(randomBytes(8).map((byte, at) => (at % 4 === 0 ? byte & 0x7f : byte))).toString('hex'),
  }
}

function derive(password: Buffer): string {
  let high = 1345345333
  let low = 0x12345671
  let add = 7
  for (const byte of password) {
    if (byte === 32 || byte === 9) continue
    high = (high ^ (Math.imul((high & 63) + add, byte) + (high << 8))) >>> 0
    low = (low + ((low << 8) ^ high)) >>> 0
    add = (add + byte) >>> 0
  }
  const out = Buffer.alloc(8)
  out.writeUInt32BE(high & 0x7fffffff, 0)
  out.writeUInt32BE(low & 0x7fffffff, 4)
  return out.toString('hex')
}
