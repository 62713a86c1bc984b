import { randomBytes } from 'node:crypto'
import { fromAdaptedBase64, fromPaddedBase64, randomHash64 } from './encoding.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { type CostParams, refuse, type Scheme } from './scheme.ts'

/** `$p5k2$` as Cryptacular writes it: iterations in hex, salt and key in base64 for URLs, with padding. */
export function ctaPbkdf2(): Scheme {
  const form = /^\$p5k2\$([0-9a-f]{1,8})\$([A-Za-z0-9_-]{0,128}={0,2})\$([A-Za-z0-9_-]{27}=)$/
  return {
    name: 'cta-pbkdf2',
    claims: (hash) => hash.startsWith('$p5k2$') && hash.endsWith('='),
    read(hash, limits) {
      const [, rounds = '', salt = '', key = ''] = form.exec(hash) ?? []
      if (rounds === '' || rounds.startsWith('0')) return refuse('malformed')
      const parts = { iterations: Number.parseInt(rounds, 16), salt: fromUrlBase64(salt), key: fromUrlBase64(key) }
      return readPbkdf2('sha1', parts, limits)
    },
    dummy: ({ iterations = 4_096 }: CostParams = {}) =>
      `$p5k2$${iterations.toString(16)}$${toUrlBase64(randomBytes(16))}$${toUrlBase64(randomBytes(20))}`,
  }
}

/** `$p5k2$` as Dwayne Litzenberger's module writes it: iterations in hex, 400 when left out; all before the key is salt. */
export function dlitzPbkdf2(): Scheme {
  const form = /^(\$p5k2\$([0-9a-f]{0,8})\$[./0-9A-Za-z]{0,128})\$([./0-9A-Za-z]{32})$/
  return {
    name: 'dlitz-pbkdf2',
    claims: (hash) => hash.startsWith('$p5k2$') && !hash.endsWith('='),
    read(hash, limits) {
      const [, setting, rounds = '', key = ''] = form.exec(hash) ?? []
      if (setting === undefined || rounds.startsWith('0')) return refuse('malformed')
      const iterations = rounds === '' ? 400 : Number.parseInt(rounds, 16)
      return readPbkdf2('sha1', { iterations, salt: Buffer.from(setting), key: fromAdaptedBase64(key) }, limits)
    },
    dummy: ({ iterations = 400 }: CostParams = {}) =>
      `$p5k2$${iterations.toString(16)}$${randomHash64(16)}$${randomHash64(32)}`,
  }
}

function fromUrlBase64(text: string): Buffer | undefined {
  return fromPaddedBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
}

function toUrlBase64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}
