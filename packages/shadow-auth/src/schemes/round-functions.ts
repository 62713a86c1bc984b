import { createHash, hash as digest } from 'node:crypto'
import { type DesBlock, desKey, desRounds, fromDesBlock } from './des.ts'
import { HASH64, permute, toHash64 } from './encoding.ts'
import { inRounds } from './rounds.ts'

const MD5_ORDER = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11]

const SHA256_ORDER = [
  20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15, 26, 16, 6, 17, 7, 27, 8, 28, 18, 29, 19, 9, 30, 31,
]

const SHA512_ORDER = [
  42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47, 48, 27, 6, 7, 49, 28, 29, 8, 50, 51, 30, 9, 10, 52,
  31, 32, 11, 53, 54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15, 16, 58, 37, 38, 17, 59, 60, 39, 18, 19, 61, 40, 41,
  20, 62, 63,
]

const SHA1_ORDER = [2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9, 14, 13, 12, 17, 16, 15, 0, 19, 18]

/** The size of a block of SHA-1, and of the key of an HMAC with it. */
const SHA1_BLOCK = 64

/** The digests of crypt(3) and its kin, whose rounds run in JavaScript: what they store of a password, as they spell it. */
export interface RoundFunctions {
  md5Crypt(password: Buffer, salt: string, magic: string, rounds: number): Promise<string>
  shaCrypt(password: Buffer, salt: string, algorithm: 'sha256' | 'sha512', rounds: number): Promise<string>
  sha1Crypt(password: Buffer, salt: string, rounds: number): Promise<string>
  phpass(password: Buffer, salt: string, algorithm: string, rounds: number): Promise<string>
  des(key: Buffer, salt: number, rounds: number): Promise<string>
}

export const ROUND_FUNCTIONS: RoundFunctions = { md5Crypt, shaCrypt, sha1Crypt, phpass, des }

async function md5Crypt(password: Buffer, saltText: string, magic: string, rounds: number): Promise<string> {
  const salt = Buffer.from(saltText)
  const inner = digest('md5', Buffer.concat([password, salt, password]), 'buffer')
  const first = createHash('md5').update(password).update(magic).update(salt)
  first.update(stretch(inner, password.length))
  for (let bits = password.length; bits > 0; bits >>= 1) {
    first.update(bits & 1 ? Buffer.alloc(1) : password.subarray(0, 1))
  }
  return toHash64(permute(await mixed('md5', first.digest(), password, salt, rounds), MD5_ORDER))
}

async function shaCrypt(
  password: Buffer,
  saltText: string,
  algorithm: 'sha256' | 'sha512',
  rounds: number,
): Promise<string> {
  const salt = Buffer.from(saltText)
  const inner = digest(algorithm, Buffer.concat([password, salt, password]), 'buffer')
  const first = createHash(algorithm).update(password).update(salt).update(stretch(inner, password.length))
  for (let bits = password.length; bits > 0; bits >>= 1) first.update(bits & 1 ? inner : password)
  const state = first.digest()
  const p = stretch(repeated(algorithm, password, password.length), password.length)
  const s = stretch(repeated(algorithm, salt, 16 + (state[0] ?? 0)), salt.length)
  const order = algorithm === 'sha256' ? SHA256_ORDER : SHA512_ORDER
  return toHash64(permute(await mixed(algorithm, state, p, s, rounds), order))
}

async function sha1Crypt(password: Buffer, salt: string, rounds: number): Promise<string> {
  // HMAC by hand: setting one up in OpenSSL costs ten times what its two digests do.
  const key = password.length > SHA1_BLOCK ? digest('sha1', password, 'buffer') : password
  const [inner, outer] = [0x36, 0x5c].map((pad) => {
    const block = Buffer.alloc(SHA1_BLOCK + 20, pad)
    for (const [at, byte] of key.entries()) block[at] = byte ^ pad
    return block
  }) as [Buffer, Buffer]
  const start = Buffer.concat([inner.subarray(0, SHA1_BLOCK), Buffer.from(`${salt}$sha1$${rounds}`)])
  digest('sha1', start, 'buffer').copy(outer, SHA1_BLOCK)
  let state = digest('sha1', outer, 'buffer')
  await inRounds(rounds - 1, () => {
    state.copy(inner, SHA1_BLOCK)
    digest('sha1', inner, 'buffer').copy(outer, SHA1_BLOCK)
    state = digest('sha1', outer, 'buffer')
  })
  return toHash64(permute(state, SHA1_ORDER))
}

async function phpass(password: Buffer, salt: string, algorithm: string, rounds: number): Promise<string> {
  const first = digest(algorithm, Buffer.concat([Buffer.from(salt), password]), 'buffer')
  const message = Buffer.concat([first, password])
  let state = first
  await inRounds(rounds, () => {
    state.copy(message)
    state = digest(algorithm, message, 'buffer')
  })
  return toHash64(state)
}

async function des(key: Buffer, salt: number, rounds: number): Promise<string> {
  const keys = desKey(key)
  let block: DesBlock = [0, 0]
  await inRounds(rounds, () => {
    block = desRounds(block, keys, salt)
  })
  // 64 bits in eleven characters, the highest first.
  const bits = BigInt(`0x${fromDesBlock(block).toString('hex')}`) << 2n
  return Array.from({ length: 11 }, (_, at) => HASH64[Number((bits >> BigInt(60 - 6 * at)) & 63n)]).join('')
}

/** The rounds of MD5 crypt and SHA crypt: who goes before the state, and who behind it, goes by the round's number. */
async function mixed(
  algorithm: string,
  start: Buffer,
  password: Buffer,
  salt: Buffer,
  rounds: number,
): Promise<Buffer> {
  let state = start
  const none = Buffer.alloc(0)
  // One message for each kind of round, in which only the state changes.
  const kinds = Array.from({ length: 8 }, (_, kind) => {
    const odd = (kind & 1) === 1
    const middle = Buffer.concat([(kind & 2) === 0 ? none : salt, (kind & 4) === 0 ? none : password])
    const message = Buffer.concat(odd ? [password, middle, state] : [state, middle, password])
    return { message, at: odd ? password.length + middle.length : 0 }
  })
  await inRounds(rounds, (round) => {
    const kind = kinds[(round & 1) | (round % 3 === 0 ? 0 : 2) | (round % 7 === 0 ? 0 : 4)]
    if (kind === undefined) return
    state.copy(kind.message, kind.at)
    state = digest(algorithm, kind.message, 'buffer')
  })
  return state
}

function repeated(algorithm: string, part: Buffer, times: number): Buffer {
  const whole = createHash(algorithm)
  for (let count = 0; count < times; count++) whole.update(part)
  return whole.digest()
}

/** The bytes over and over, up to a length. */
function stretch(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes)
}
