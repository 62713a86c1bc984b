import { randomBytes } from 'node:crypto'
import { integer } from './encoding.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { type CostParams, refuse, type Scheme } from './scheme.ts'

/** The boot loader GRUB 2: `grub.pbkdf2.sha512.iterations.salt.key`, in hex. */
export function grubPbkdf2Sha512(): Scheme {
  return {
    name: 'grub-pbkdf2-sha512',
    claims: (hash) => hash.startsWith('grub.pbkdf2.sha512.'),
    read(hash, limits) {
      const [, iterations, salt, key] =
        /^grub\.pbkdf2\.sha512\.(\d+)\.((?:[0-9A-F]{2})+)\.((?:[0-9A-F]{2})+)$/i.exec(hash) ?? []
      if (salt === undefined || key === undefined) return refuse('malformed')
      return readPbkdf2(
        'sha512',
        { iterations: integer(iterations), salt: Buffer.from(salt, 'hex'), key: Buffer.from(key, 'hex') },
        limits,
      )
    },
    dummy: ({ iterations = 10_000 }: CostParams = {}) =>
      `grub.pbkdf2.sha512.${iterations}.${randomBytes(64).toString('hex')}.${randomBytes(64).toString('hex')}`,
  }
}
