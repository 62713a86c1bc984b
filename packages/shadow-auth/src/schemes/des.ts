// The tables of FIPS 46-3. Bits are counted from 1, the highest first.
const IP = [
  58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24,
  16, 8, 57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31,
  23, 15, 7,
]
const FP = [
  40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31, 38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45, 13, 53, 21,
  61, 29, 36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27, 34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9, 49,
  17, 57, 25,
]
const P = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
]
const PC1 = [
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36, 63, 55,
  47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
]
const PC2 = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52, 31, 37, 47, 55, 30,
  40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
]
const SHIFTS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1]

/** Each box: four rows of sixteen, in hex. */
const BOXES = [
  'e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d',
  'f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9',
  'a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c',
  '7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e',
  '2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453',
  'c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d',
  '4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c',
  'd2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b',
]

/** What the six bits into each box make of the 32 that leave the round. */
const SPREAD: readonly Int32Array[] = BOXES.map((box, index) =>
  Int32Array.from({ length: 64 }, (_, six) => {
    const at = ((six >> 5) * 2 + (six & 1)) * 16 + ((six >> 1) & 15)
    const nibble = Number.parseInt(box[at] ?? '0', 16)
    return toWord(pick(toBits(nibble << (28 - 4 * index), 32), P))
  }),
)

/** Sixteen keys of 48 bits, each in two halves. */
export type DesKey = readonly (readonly [number, number])[]

/** @param key eight bytes, of which the lowest bit is not looked at */
export function desKey(key: Buffer): DesKey {
  const bits = pick([...toBits(key.readInt32BE(0), 32), ...toBits(key.readInt32BE(4), 32)], PC1)
  let [left, right] = [bits.slice(0, 28), bits.slice(28)]
  return SHIFTS.map((shift) => {
    left = [...left.slice(shift), ...left.slice(0, shift)]
    right = [...right.slice(shift), ...right.slice(0, shift)]
    const chosen = pick([...left, ...right], PC2)
    return [toWord(chosen.slice(0, 24)), toWord(chosen.slice(24))] as const
  })
}

/** A block between the two permutations that stand at the ends of DES, as its two halves. */
export type DesBlock = readonly [number, number]

export function toDesBlock(bytes: Buffer): DesBlock {
  const bits = pick([...toBits(bytes.readInt32BE(0), 32), ...toBits(bytes.readInt32BE(4), 32)], IP)
  return [toWord(bits.slice(0, 32)), toWord(bits.slice(32))]
}

export function fromDesBlock([left, right]: DesBlock): Buffer {
  const bits = pick([...toBits(left, 32), ...toBits(right, 32)], FP)
  const bytes = Buffer.alloc(8)
  bytes.writeInt32BE(toWord(bits.slice(0, 32)), 0)
  bytes.writeInt32BE(toWord(bits.slice(32)), 4)
  return bytes
}

/**
 * The sixteen rounds, with the twist of crypt(3): where the salt has a bit, the halves of the expansion change places.
 *
 * @param salt 24 bits, the lowest for the first place
 */
export function desRounds(block: DesBlock, key: DesKey, salt: number): DesBlock {
  const swaps = toWord(
    toBits(salt << 8, 32)
      .slice(0, 24)
      .reverse(),
  )
  let [left, right] = block
  for (const [keyLeft, keyRight] of key) {
    const [high, low] = [expand(right, 5), expand(right, 21)]
    const swap = (high ^ low) & swaps
    const [first, second] = [high ^ swap ^ keyLeft, low ^ swap ^ keyRight]
    const mixed = boxes(first, 0) | boxes(second, 4)
    ;[left, right] = [right, left ^ mixed]
  }
  return [right, left]
}

/** Four windows of six bits, each reaching into its neighbours. */
function expand(word: number, turn: number): number {
  return [0, 4, 8, 12].reduce((sum, more) => (sum << 6) | (rotate(word, turn + more) & 63), 0)
}

function boxes(half: number, from: number): number {
  return [18, 12, 6, 0].reduce((sum, shift, at) => sum | (SPREAD[from + at]?.[(half >> shift) & 63] ?? 0), 0)
}

function rotate(word: number, by: number): number {
  const turn = by & 31
  return turn === 0 ? word : (word << turn) | (word >>> (32 - turn))
}

function pick(bits: readonly number[], places: readonly number[]): number[] {
  return places.map((place) => bits[place - 1] ?? 0)
}

function toBits(word: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => (word >>> (count - 1 - at)) & 1)
}

function toWord(bits: readonly number[]): number {
  return bits.reduce((word, bit) => (word << 1) | bit, 0)
}
