import { createHash, randomBytes } from 'node:crypto'
import { argon2d, argon2i, argon2id } from './argon2.ts'
import { DIGEST_BYTES, type DigestName } from './digest-bytes.ts'
import { fromPaddedBase64, integer, randomHash64 } from './encoding.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { type CostParams, readingOf, refuse, type Scheme } from './scheme.ts'

/** Django: `pbkdf2_sha256$iterations$salt$key`. */
export function djangoPbkdf2Sha256(): Scheme {
  return pbkdf2('sha256')
}

/** Django: `pbkdf2_sha1$iterations$salt$key`. */
export function djangoPbkdf2Sha1(): Scheme {
  return pbkdf2('sha1')
}

/** Django: `md5$salt$digest`, MD5 over salt and password; the salt may be empty. */
export function djangoMd5(): Scheme {
  return salted('md5', 16)
}

/** Django: `sha1$salt$digest`, SHA-1 over salt and password; the salt may be empty. */
export function djangoSha1(): Scheme {
  return salted('sha1', 20)
}

/** Django: `argon2` and then Argon2 as everywhere. */
export function djangoArgon2(): Scheme {
  const variants = [argon2id(), argon2i(), argon2d()]
  const prefix = 'argon2'
  return {
    name: 'django-argon2',
    claims: (hash) => hash.startsWith('argon2$'),
    read(hash, limits) {
      const inner = hash.slice(prefix.length)
      return variants.find((variant) => variant.claims(inner))?.read(inner, limits) ?? refuse('malformed')
    },
    dummy: (params: CostParams = { m: 102_400, t: 2, p: 8 }) => prefix + argon2id().dummy(params),
  }
}

function pbkdf2(digest: DigestName): Scheme {
  const prefix = `pbkdf2_${digest}$`
  return {
    name: `django-pbkdf2-${digest}`,
    claims: (hash) => hash.startsWith(prefix),
    read(hash, limits) {
      const [iterations, salt, key, ...rest] = hash.slice(prefix.length).split('$', 4)
      if (salt === undefined || key === undefined || rest.length > 0) return refuse('malformed')
      return readPbkdf2(
        digest,
        { iterations: integer(iterations), salt: Buffer.from(salt), key: fromPaddedBase64(key) },
        limits,
      )
    },
    dummy: ({ iterations = 260_000 }: CostParams = {}) =>
      `${prefix}${iterations}$${randomBytes(11).toString('hex')}$${randomBytes(DIGEST_BYTES[digest]).toString('base64')}`,
  }
}

function salted(algorithm: string, bytes: number): Scheme {
  const prefix = `${algorithm}$`
  const form = new RegExp(`^([^$]*)\\$([0-9a-f]{${2 * bytes}})$`)
  return {
    name: `django-${algorithm}`,
    claims: (hash) => hash.startsWith(prefix),
    read(hash) {
      const [, salt, stored = ''] = form.exec(hash.slice(prefix.length)) ?? []
      if (salt === undefined) return refuse('malformed')
      return readingOf(
        {},
        {
          shell: hash.slice(0, -stored.length) + '0'.repeat(stored.length),
          digest: stored,
          derive: async (password) => createHash(algorithm).update(salt).update(password).digest('hex'),
        },
      )
    },
    dummy: () => `${prefix}${randomHash64(12)}$${randomBytes(bytes).toString('hex')}`,
  }
}
