import type { Limits } from './limits.ts'

/**
 * Whether a value may go on to a look-up or a key derivation: text, not empty, within `maxBytes` of UTF-8, and without
 * lone surrogates, which every encoder silently replaces by one and the same character.
 */
function isAcceptable(value: unknown, maxBytes: number): value is string {
  if (typeof value !== 'string' || value === '' || value.length > maxBytes) return false
  return !/\p{Surrogate}/u.test(value) && Buffer.byteLength(value) <= maxBytes
}

export function isLogin(value: unknown, limits: Limits): value is string {
  // A zero ends the text for some drivers and is an error for others.
  return isAcceptable(value, limits.loginBytes) && !value.includes('\0')
}

export function isPassword(value: unknown, limits: Limits): value is string {
  return isAcceptable(value, limits.passwordBytes)
}
