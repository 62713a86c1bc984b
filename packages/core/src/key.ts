import { InvalidKeyError } from './errors.ts'

export type KeyPart = string | number | bigint

/** A primary key: one value, or a tuple where the key is composite. */
export type Key = KeyPart | readonly KeyPart[]

/** How many stripes the mirror orders and locks by. Part of the protocol: both sides and every process agree on it. */
export const STRIPES = 64

/**
 * The canonical string of a key. `7`, `7n` and `'7'` are one key, because engines and drivers disagree about how they
 * hand out a big integer.
 *
 * The parts of a composite key are joined with `|`, in which `~` and `|` are written `~0` and `~1`: an encoding that every SQL
 * engine can produce inside a trigger with nothing but `replace`.
 */
export function keyText(key: Key): string {
  if (!isTuple(key)) return partText(key)
  if (key.length === 0) throw new InvalidKeyError(key)
  return key.length === 1 ? partText(key[0] as KeyPart) : key.map((part) => escapePart(partText(part))).join('|')
}

/** The key that `keyText` wrote, its parts as strings; `arity` is the number of columns. */
export function parseKey(text: string, arity: number): Key {
  if (arity === 1) return text
  const parts = text.split('|').map(unescapePart)
  if (parts.length !== arity) throw new InvalidKeyError(text)
  return parts
}

/** The stripe of a key: FNV-1a over its UTF-16 code units, mixed, modulo `STRIPES`. */
export function stripeOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  hash ^= hash >>> 16
  return (hash >>> 0) % STRIPES
}

function isTuple(key: Key): key is readonly KeyPart[] {
  return Array.isArray(key)
}

function partText(part: KeyPart): string {
  if (typeof part === 'string') return part
  if (typeof part === 'bigint') return part.toString()
  // A fraction or an integer beyond 2^53 has no one spelling on which two engines agree.
  if (typeof part === 'number' && Number.isSafeInteger(part)) return String(part)
  throw new InvalidKeyError(part)
}

function escapePart(text: string): string {
  return text.replaceAll('~', '~0').replaceAll('|', '~1')
}

function unescapePart(text: string): string {
  return text.replaceAll('~1', '|').replaceAll('~0', '~')
}
