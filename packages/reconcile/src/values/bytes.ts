export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}

/** Bytes against bytes, or against their text: hexadecimal with or without `\x`, a UUID, or the text that they encode. */
export function sameBytes(a: unknown, b: unknown): boolean {
  if (isBytes(a) && isBytes(b)) return Buffer.compare(a, b) === 0
  const [bytes, text] = isBytes(a) ? [Buffer.from(a), b] : [Buffer.from(b as Uint8Array), a]
  if (typeof text !== 'string') return false
  const hex = bytes.toString('hex')
  const lower = text.toLowerCase()
  if (lower === hex || lower === `\\x${hex}`) return true
  if (bytes.length === 16 && lower.length === 36 && lower.replaceAll('-', '') === hex) return true
  return bytes.toString('utf8') === text
}
