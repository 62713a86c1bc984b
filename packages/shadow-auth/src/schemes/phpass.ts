import { hash as digest } from 'node:crypto'
import { runRounds } from '../round-pool.ts'
import { HASH64, randomHash64 } from './encoding.ts'
import { type CostParams, readingOf, refuse, type Scheme } from './scheme.ts'

interface Phpass {
  readonly name: string
  readonly claims: RegExp
  readonly form: RegExp
  readonly prefix: string
  readonly algorithm: string
  readonly usualLog2: number
  readonly length: number
}

/** The portable hashes of WordPress before 6.8 (`$P$`) and phpBB 3 (`$H$`). */
export function phpass(): Scheme {
  return scheme({
    name: 'phpass',
    claims: /^\$[PH]\$/,
    form: /^\$[PH]\$(.)([./0-9A-Za-z]{8})([./0-9A-Za-z]{22})$/,
    prefix: '$P$',
    algorithm: 'md5',
    usualLog2: 13,
    length: 22,
  })
}

/** Drupal 7: phpass on SHA-512, cut to 43 characters; `U$S$` on the MD5 in hex that Drupal 6 had stored. */
export function drupal7(): Scheme {
  return scheme({
    name: 'drupal7',
    claims: /^U?\$S\$/,
    form: /^U?\$S\$(.)([./0-9A-Za-z]{8})([./0-9A-Za-z]{43})$/,
    prefix: '$S$',
    algorithm: 'sha512',
    usualLog2: 15,
    length: 43,
  })
}

function scheme({ name, claims, form, prefix, algorithm, usualLog2, length }: Phpass): Scheme {
  return {
    name,
    claims: (hash) => claims.test(hash),
    read(hash, limits) {
      const [, count = '', salt, stored] = form.exec(hash) ?? []
      const log2 = HASH64.indexOf(count)
      if (salt === undefined || stored === undefined || log2 < 7 || log2 > 30) return refuse('malformed')
      const rounds = 2 ** log2
      if (rounds > limits.rounds) return refuse('cost')
      return readingOf(
        { log2 },
        {
          shell: hash.slice(0, -length) + HASH64[0]?.repeat(length),
          digest: stored,
          async derive(password) {
            const text = hash.startsWith('U') ? Buffer.from(digest('md5', password)) : password
            return (await runRounds(rounds, 'phpass', text, salt, algorithm, rounds)).slice(0, length)
          },
        },
      )
    },
    dummy: ({ log2 = usualLog2 }: CostParams = {}) => `${prefix}${HASH64[log2]}${randomHash64(8 + length)}`,
  }
}
