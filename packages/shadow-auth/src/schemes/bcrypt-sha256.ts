import { createHmac, hash as digest } from 'node:crypto'
import { clearPadding, deriveBcrypt, dummyBcrypt, readBcrypt } from './bcrypt.ts'
import { type CostParams, type Reading, refuse, type Scheme, sameText } from './scheme.ts'

const PASSLIB = /^\$bcrypt-sha256\$(?:2[ab],|v=2,t=2b,r=)([1-9]\d?)\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$/

/** Django: `bcrypt_sha256$` and then bcrypt of the SHA-256 in hex, which lifts bcrypt's 72 bytes. */
export function djangoBcryptSha256(): Scheme {
  return preparedBcrypt('django-bcrypt-sha256', 'bcrypt_sha256$', (password) =>
    Buffer.from(digest('sha256', password, 'hex')),
  )
}

/** Django: `bcrypt$` and then plain bcrypt. */
export function djangoBcrypt(): Scheme {
  return preparedBcrypt('django-bcrypt', 'bcrypt$', (password) => password)
}

/** Passlib: `$bcrypt-sha256$`, in its first version and in the second, which keys the inner digest with the salt. */
export function passlibBcryptSha256(): Scheme {
  return {
    name: 'passlib-bcrypt-sha256',
    claims: (hash) => hash.startsWith('$bcrypt-sha256$'),
    read(hash, limits) {
      const [, digits, salt, stored] = PASSLIB.exec(hash) ?? []
      const cost = Number(digits)
      if (salt === undefined || stored === undefined || cost < 4) return refuse('malformed')
      if (cost > limits.bcryptCost) return refuse('cost')
      const keyed = hash.includes('$v=2,')
      return {
        ok: true,
        params: { cost },
        async verify(password) {
          const inner = keyed
            ? createHmac('sha256', salt).update(password).digest()
            : digest('sha256', password, 'buffer')
          const made = await deriveBcrypt(Buffer.from(inner.toString('base64')), cost, salt)
          return sameText(made, clearPadding(stored, 2))
        },
      }
    },
    dummy({ cost = 12 }: CostParams = {}) {
      const [, , , text = ''] = dummyBcrypt({ cost }).split('$')
      return `$bcrypt-sha256$v=2,t=2b,r=${cost}$${text.slice(0, 22)}$${text.slice(22)}`
    },
  }
}

/** bcrypt behind a prefix, of something that is made of the password. */
export function preparedBcrypt(name: string, prefix: string, prepare: (password: Buffer) => Buffer): Scheme {
  return {
    name,
    claims: (hash) => hash.startsWith(prefix),
    read(hash, limits) {
      const plain = readBcrypt(hash.slice(prefix.length), limits)
      if (!plain.ok) return plain
      const { ok, params, verify, inner } = plain
      const reading: Reading = { ok, params, verify: (password) => verify(prepare(password)) }
      if (inner === undefined) return reading
      const { shell, digest: stored, derive } = inner
      return { ...reading, inner: { shell: prefix + shell, digest: stored, derive: (text) => derive(prepare(text)) } }
    },
    dummy: (params) => prefix + dummyBcrypt(params),
  }
}
