const C1 = 0xcc9e2d51
const C2 = 0x1b873593

// Keys are hashed on every read, so the bytes of a string go into memory that is used again.
const scratch = new Uint8Array(4096)
const encoder = new TextEncoder()

/**
 * MurmurHash3 x86_32, from 0 to 2^32 - 1. A string is hashed as UTF-8, in which a lone surrogate is U+FFFD, as it is for
 * `TextEncoder`.
 *
 * @param seed Its low 32 bits count. @default 0
 */
export function murmur3(input: string | Uint8Array, seed = 0): number {
  return murmur3Signed(input, seed) >>> 0
}

/** The same hash as a signed integer, which engines keep without a box. */
export function murmur3Signed(input: string | Uint8Array, seed: number): number {
  if (typeof input !== 'string') return hash(input, input.length, seed)
  if (input.length * 3 > scratch.length) {
    const bytes = encoder.encode(input)
    return hash(bytes, bytes.length, seed)
  }
  return hash(scratch, encodeInto(scratch, input), seed)
}

function hash(bytes: Uint8Array, length: number, seed: number): number {
  let state = seed | 0
  const whole = length & ~3
  for (let at = 0; at < whole; at += 4) {
    state ^= scramble(
      byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24),
    )
    state = (Math.imul((state << 13) | (state >>> 19), 5) + 0xe6546b64) | 0
  }
  if (length > whole) {
    let tail = byte(bytes, whole)
    if (length > whole + 1) tail |= byte(bytes, whole + 1) << 8
    if (length > whole + 2) tail |= byte(bytes, whole + 2) << 16
    state ^= scramble(tail)
  }
  return finish(state ^ length)
}

function scramble(block: number): number {
  const mixed = Math.imul(block, C1)
  return Math.imul((mixed << 15) | (mixed >>> 17), C2)
}

function finish(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number
}

/** Writes `text` as UTF-8 and returns how many bytes it took. `TextEncoder.encodeInto` would allocate its result. */
function encodeInto(bytes: Uint8Array, text: string): number {
  let at = 0
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) {
      bytes[at++] = unit
      continue
    }
    if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6)
      bytes[at++] = 0x80 | (unit & 0x3f)
      continue
    }
    const point = pointAt(text, index, unit)
    if (point < 0x10000) {
      bytes[at++] = 0xe0 | (point >> 12)
    } else {
      index++
      bytes[at++] = 0xf0 | (point >> 18)
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f)
    }
    bytes[at++] = 0x80 | ((point >> 6) & 0x3f)
    bytes[at++] = 0x80 | (point & 0x3f)
  }
  return at
}

function pointAt(text: string, index: number, unit: number): number {
  if (unit < 0xd800 || unit > 0xdfff) return unit
  const next = index + 1 < text.length ? text.charCodeAt(index + 1) : 0
  const paired = unit < 0xdc00 && next >= 0xdc00 && next <= 0xdfff
  return paired ? 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00) : 0xfffd
}
