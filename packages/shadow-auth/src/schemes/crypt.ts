import { runRounds } from '../round-pool.ts'
import { integer, randomHash64 } from './encoding.ts'
import { type CostParams, readingOf, refuse, type Scheme } from './scheme.ts'

const MD5_ROUNDS = 1_000

/** `$1$`: the MD5 crypt of FreeBSD and glibc. */
export function md5Crypt(): Scheme {
  return md5('md5-crypt', '$1$')
}

/** `$apr1$`: what htpasswd writes. */
export function apr1(): Scheme {
  return md5('apr1', '$apr1$')
}

/** `$5$`: the SHA-256 crypt of glibc. */
export function sha256Crypt(): Scheme {
  return sha('sha256-crypt', '$5$', 'sha256', 43)
}

/** `$6$`: the SHA-512 crypt of glibc. */
export function sha512Crypt(): Scheme {
  return sha('sha512-crypt', '$6$', 'sha512', 86)
}

/** `$sha1$`: the HMAC-SHA1 crypt of NetBSD. */
export function sha1Crypt(): Scheme {
  return {
    name: 'sha1-crypt',
    // Ory Kratos writes `$sha1$pf=` for something else.
    claims: (hash) => hash.startsWith('$sha1$') && !hash.startsWith('$sha1$pf='),
    read(hash, limits) {
      const [, count, salt, stored] = /^\$sha1\$(\d+)\$([./0-9A-Za-z]{0,64})\$([./0-9A-Za-z]{28})$/.exec(hash) ?? []
      const rounds = integer(count)
      if (salt === undefined || stored === undefined || rounds === undefined || rounds < 1) return refuse('malformed')
      if (rounds > limits.rounds) return refuse('cost')
      return readingOf(
        { rounds },
        {
          shell: `$sha1$${rounds}$${salt}$${'.'.repeat(28)}`,
          digest: stored,
          derive: (password) => runRounds(rounds, 'sha1Crypt', password, salt, rounds),
        },
      )
    },
    dummy: ({ rounds = 24_680 }: CostParams = {}) => `$sha1$${rounds}$${randomHash64(8)}$${randomHash64(28)}`,
  }
}

function md5(name: string, magic: string): Scheme {
  return {
    name,
    claims: (hash) => hash.startsWith(magic),
    read(hash) {
      const [, salt, stored] = /^([./0-9A-Za-z]{0,8})\$([./0-9A-Za-z]{22})$/.exec(hash.slice(magic.length)) ?? []
      if (salt === undefined || stored === undefined) return refuse('malformed')
      return readingOf(
        {},
        {
          shell: `${magic}${salt}$${'.'.repeat(22)}`,
          digest: stored,
          derive: (password) => runRounds(MD5_ROUNDS, 'md5Crypt', password, salt, magic, MD5_ROUNDS),
        },
      )
    },
    dummy: () => `${magic}${randomHash64(8)}$${randomHash64(22)}`,
  }
}

function sha(name: string, prefix: string, algorithm: 'sha256' | 'sha512', length: number): Scheme {
  const form = new RegExp(`^(?:rounds=(\\d+)\\$)?([./0-9A-Za-z]{0,16})\\$([./0-9A-Za-z]{${length}})$`)
  return {
    name,
    claims: (hash) => hash.startsWith(prefix),
    read(hash, limits) {
      const [, given, salt, stored] = form.exec(hash.slice(prefix.length)) ?? []
      const asked = given === undefined ? 5_000 : integer(given)
      if (salt === undefined || stored === undefined || asked === undefined) return refuse('malformed')
      // The specification raises fewer rounds to a thousand.
      const rounds = Math.max(1_000, asked)
      if (rounds > limits.rounds) return refuse('cost')
      return readingOf(
        { rounds },
        {
          shell: hash.slice(0, -length) + '.'.repeat(length),
          digest: stored,
          derive: (password) => runRounds(rounds, 'shaCrypt', password, salt, algorithm, rounds),
        },
      )
    },
    dummy: ({ rounds = 5_000 }: CostParams = {}) =>
      `${prefix}rounds=${rounds}$${randomHash64(16)}$${randomHash64(length)}`,
  }
}
