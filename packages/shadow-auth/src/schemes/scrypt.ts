import { scrypt as derive, randomBytes, type ScryptOptions } from 'node:crypto'
import type { Limits } from '../limits.ts'
import { fromAnyBase64, integer, parsePairs, toBase64 } from './encoding.ts'
import { type CostParams, type Reading, type Refused, refuse, type Scheme, sameBytes } from './scheme.ts'

const FORM = /^\$scrypt\$([^$]+)\$([^$]*)\$([^$]+)$/

/** PHC: `$scrypt$ln=..,r=..,p=..$salt$key`, `ln` the logarithm of N, or N itself as Ory Kratos writes it. */
export function scrypt(): Scheme {
  return {
    name: 'scrypt',
    claims: (hash) => hash.startsWith('$scrypt$'),
    read,
    dummy: ({ N = 65_536, r = 8, p = 1 }: CostParams = {}) =>
      `$scrypt$ln=${Math.log2(N)},r=${r},p=${p}$${toBase64(randomBytes(16))}$${toBase64(randomBytes(32))}`,
  }
}

function read(hash: string, limits: Limits): Reading | Refused {
  const [, settings, saltText, keyText] = FORM.exec(hash) ?? []
  if (settings === undefined || saltText === undefined || keyText === undefined) return refuse('malformed')
  const pairs = parsePairs(settings)
  const [ln, r, p] = [integer(pairs?.get('ln')), integer(pairs?.get('r')), integer(pairs?.get('p'))]
  const [salt, key] = [fromAnyBase64(saltText), fromAnyBase64(keyText)]
  if (ln === undefined || r === undefined || p === undefined || salt === undefined || key === undefined)
    return refuse('malformed')
  const N = ln < 64 ? 2 ** ln : ln
  if (N < 2 || !Number.isInteger(Math.log2(N)) || r < 1 || p < 1 || pairs?.size !== 3) return refuse('malformed')
  if (key.length < 16 || key.length > 128) return refuse('malformed')
  if (128 * N * r > limits.scryptMemory || N * r * p > limits.scryptWork) return refuse('cost')
  return {
    ok: true,
    params: { N, r, p },
    verify: async (password) => sameBytes(await run(password, salt, key.length, { N, r, p }), key),
  }
}

function run(password: Buffer, salt: Buffer, length: number, cost: ScryptOptions): Promise<Buffer> {
  const { N = 0, r = 0, p = 0 } = cost
  // Node refuses what does not fit into 32 MiB unless it is told; the limits were checked before.
  const maxmem = 128 * r * (N + p + 2) + 1_024
  return new Promise((resolve, reject) => {
    derive(password, salt, length, { ...cost, maxmem }, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
