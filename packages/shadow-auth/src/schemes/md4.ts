/** How far each step of a round turns, and the words in the order in which the round takes them. */
const ROUNDS = [
  {
    add: 0,
    turns: [3, 7, 11, 19],
    words: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    mix: (x: number, y: number, z: number) => (x & y) | (~x & z),
  },
  {
    add: 0x5a827999,
    turns: [3, 5, 9, 13],
    words: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
    mix: (x: number, y: number, z: number) => (x & y) | (x & z) | (y & z),
  },
  {
    add: 0x6ed9eba1,
    turns: [3, 9, 11, 15],
    words: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    mix: (x: number, y: number, z: number) => x ^ y ^ z,
  },
] as const

/** MD4 as of RFC 1320: OpenSSL 3 has it in its legacy provider only, which Node does not load. */
export function md4(message: Buffer): Buffer {
  const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
  const padded = Buffer.alloc(Math.ceil((message.length + 9) / 64) * 64)
  message.copy(padded)
  padded[message.length] = 0x80
  padded.writeUInt32LE((message.length * 8) >>> 0, padded.length - 8)
  padded.writeUInt32LE(Math.floor(message.length / 2 ** 29), padded.length - 4)

  for (let at = 0; at < padded.length; at += 64) {
    let [a = 0, b = 0, c = 0, d = 0] = state
    for (const { add, turns, words, mix } of ROUNDS) {
      words.forEach((word, step) => {
        const turn = turns[step % 4] ?? 0
        const sum = (a + mix(b, c, d) + padded.readUInt32LE(at + 4 * word) + add) | 0
        ;[a, b, c, d] = [d, (sum << turn) | (sum >>> (32 - turn)), b, c]
      })
    }
    ;[a, b, c, d].forEach((value, index) => {
      state[index] = ((state[index] ?? 0) + value) >>> 0
    })
  }
  const out = Buffer.alloc(16)
  for (const [index, value] of state.entries()) out.writeUInt32LE(value, 4 * index)
  return out
}
