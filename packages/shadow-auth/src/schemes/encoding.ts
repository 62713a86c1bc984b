import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'

const STANDARD = /^[A-Za-z0-9+/]*$/

/**
 * Strict base64 without padding. `undefined` for anything that the same bytes would not be written as: leftover bits
 * that are not zero make a second spelling of one hash.
 */
export function fromBase64(text: string): Buffer | undefined {
  if (!STANDARD.test(text) || text.length % 4 === 1) return undefined
  const bytes = Buffer.from(text, 'base64')
  return toBase64(bytes) === text ? bytes : undefined
}

/** Strict base64 with its padding. */
export function fromPaddedBase64(text: string): Buffer | undefined {
  const end = text.indexOf('=')
  const bytes = fromBase64(end < 0 ? text : text.slice(0, end))
  return bytes?.toString('base64') === text ? bytes : undefined
}

/** Strict base64, its padding there or not. */
export function fromAnyBase64(text: string): Buffer | undefined {
  return text.endsWith('=') ? fromPaddedBase64(text) : fromBase64(text)
}

/** Passlib's base64: no padding, `.` for `+`. */
export function fromAdaptedBase64(text: string): Buffer | undefined {
  return text.includes('+') ? undefined : fromBase64(text.replaceAll('.', '+'))
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}

export const HASH64 = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The base64 of crypt(3): three bytes, lowest first, give four characters, lowest six bits first. */
export function toHash64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const group = bytes.subarray(at, at + 3)
    let value = (group[0] ?? 0) | ((group[1] ?? 0) << 8) | ((group[2] ?? 0) << 16)
    for (let left = group.length + 1; left > 0; left--) {
      text += HASH64[value & 63]
      value >>>= 6
    }
  }
  return text
}

/** The bytes at these places, in this order: how crypt(3) formats scatter a digest before they encode it. */
export function permute(bytes: Uint8Array, order: readonly number[]): Buffer {
  return Buffer.from(order.map((at) => bytes[at] ?? 0))
}

/** Random characters of the crypt(3) alphabet. */
export function randomHash64(length: number): string {
  return Array.from(randomBytes(length), (byte) => HASH64[byte & 63]).join('')
}

/** A decimal integer without sign or leading zeros; `undefined` for anything else, and beyond ten digits `Infinity`. */
export function integer(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:0|[1-9]\d*)$/.test(text)) return undefined
  return text.length > 10 ? Number.POSITIVE_INFINITY : Number(text)
}

/** More than any format has. */
const MOST_PAIRS = 8

/** `a=1,b=2` in any order; `undefined` when a part is no pair or a name comes twice. */
export function parsePairs(text: string): Map<string, string> | undefined {
  const parts = text.split(',', MOST_PAIRS + 1)
  if (parts.length > MOST_PAIRS) return undefined
  const pairs = new Map<string, string>()
  for (const part of parts) {
    const [, name, value] = /^([a-z]+)=([^=]+={0,2})$/.exec(part) ?? []
    if (name === undefined || value === undefined || pairs.has(name)) return undefined
    pairs.set(name, value)
  }
  return pairs
}

/** Text in UTF-8 as UTF-16, lowest byte first; bytes that are no UTF-8 count as Latin-1. */
export function toUtf16(text: Buffer): Buffer {
  return Buffer.from(isUtf8(text) ? text.toString() : text.toString('latin1'), 'utf16le')
}
