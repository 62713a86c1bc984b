import { createHash, randomBytes } from 'node:crypto'
import { argon2d, argon2i, argon2id } from './argon2.ts'
import { randomHash64 } from './encoding.ts'
import { type CostParams, readingOf, refuse, type Scheme } from './scheme.ts'

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
