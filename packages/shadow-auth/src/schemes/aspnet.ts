import { randomBytes } from 'node:crypto'
import { fromPaddedBase64 } from './encoding.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { type CostParams, refuse, type Scheme } from './scheme.ts'

/** What the number in the header of version 3 stands for. */
const PRF = ['sha1', 'sha256', 'sha512'] as const

/** Marker, digest, iterations and length of the salt. */
const HEADER = 13

/** ASP.NET Identity 1 and 2, and Core in its compatibility mode: base64 of a zero, 16 bytes of salt, 32 of key. */
export function aspnetIdentityV2(): Scheme {
  return {
    name: 'aspnet-identity-v2',
    claims: (hash) => /^A[A-P][A-Za-z0-9+/]{64}==$/.test(hash),
    read(hash, limits) {
      const bytes = fromPaddedBase64(hash)
      if (bytes?.length !== 49 || bytes[0] !== 0) return refuse('malformed')
      return readPbkdf2('sha1', { iterations: 1_000, salt: bytes.subarray(1, 17), key: bytes.subarray(17) }, limits)
    },
    dummy: () => Buffer.concat([Buffer.of(0), randomBytes(48)]).toString('base64'),
  }
}

/** ASP.NET Core Identity: base64 of a one, the digest, the iterations, the length of the salt, salt and key. */
export function aspnetIdentityV3(): Scheme {
  return {
    name: 'aspnet-identity-v3',
    claims: (hash) => /^AQAAAA[A-Za-z0-9+/]{20,}={0,2}$/.test(hash),
    read(hash, limits) {
      const bytes = fromPaddedBase64(hash)
      if (bytes === undefined || bytes.length < HEADER) return refuse('malformed')
      const digest = PRF[bytes.readUInt32BE(1)]
      const [iterations, saltBytes] = [bytes.readUInt32BE(5), bytes.readUInt32BE(9)]
      if (digest === undefined) return refuse('unsupported')
      // Identity itself accepts no shorter ones.
      if (saltBytes < 16 || bytes.length - HEADER - saltBytes < 16) return refuse('malformed')
      const [salt, key] = [bytes.subarray(HEADER, HEADER + saltBytes), bytes.subarray(HEADER + saltBytes)]
      return readPbkdf2(digest, { iterations, salt, key }, limits)
    },
    dummy({ iterations = 100_000 }: CostParams = {}) {
      const header = Buffer.alloc(HEADER)
      header[0] = 1
      header.writeUInt32BE(PRF.indexOf('sha512'), 1)
      header.writeUInt32BE(iterations, 5)
      header.writeUInt32BE(16, 9)
      return Buffer.concat([header, randomBytes(48)]).toString('base64')
    },
  }
}
