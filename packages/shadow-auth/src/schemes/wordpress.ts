import { createHmac } from 'node:crypto'
import { preparedBcrypt } from './bcrypt-sha256.ts'
import type { Scheme } from './scheme.ts'

/** What PHP's trim() takes away, and WordPress with it: blank, tab, line feed, carriage return, zero, vertical tab. */
const BLANK = new Set([0, 9, 10, 11, 13, 32])

/** WordPress since 6.8: `$wp$2y$`, bcrypt of a keyed SHA-384 in base64. */
export function wordpress(): Scheme {
  return preparedBcrypt('wordpress', '$wp', (password) =>
    Buffer.from(createHmac('sha384', 'wp-sha384').update(trim(password)).digest('base64')),
  )
}

function trim(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => !BLANK.has(byte))
  const end = bytes.findLastIndex((byte) => !BLANK.has(byte)) + 1
  return bytes.subarray(Math.max(0, start), end)
}
