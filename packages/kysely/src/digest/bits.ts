const bytes = Buffer.alloc(8)

/** The 64 bits of a double in hexadecimal digits, the sign first; `-0` as `0`. */
export function bitsOf(value: number): string {
  bytes.writeDoubleBE(value + 0)
  return bytes.toString('hex')
}
