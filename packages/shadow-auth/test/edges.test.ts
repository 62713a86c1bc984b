import { execFile } from 'node:child_process'
import { hash as digestOf } from 'node:crypto'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { argon2id, DEFAULT_LIMITS, identify, needsUpgrade, verifyPassword } from '../src/index.ts'
import { clearPadding } from '../src/schemes/bcrypt.ts'
import {
  desCrypt,
  firebaseScrypt,
  ldapCrypt,
  md5Hex,
  ntlm,
  osCommerce,
  phpass,
  postgresMd5,
  sha512Crypt,
  wordpress,
} from '../src/schemes/index.ts'
import { EVERY, TOLD_APART } from './every-scheme.ts'
import { CHEAP } from './support.ts'
import { passwordOf, VECTORS } from './vectors.ts'

/** Of the alphabets that hashes are written in, and of what stands between their parts. */
const CHARACTERS = Array.from('aZ09./+$=:,{}-_ ')

const CHEAP_LIMITS = {
  argon2Memory: 2_048,
  argon2Work: 8_192,
  argon2Lanes: 16,
  bcryptCost: 6,
  pbkdf2Iterations: 20_000,
  scryptMemory: 2 ** 24,
  scryptWork: 2 ** 17,
  rounds: 5_000,
}

const BCRYPT_OF = {
  abc: '$2y$06$ACfku9dT6.H8VjdKb8nhluaoBmhJyK7GfoNScEfOfrJffUxoUeCjK',
  abc2b: '$2b$06$5FyQoicpbox1xSHFfhhdXuR2oxLpO1rYsQh5RTkI/9.RIjtoF0/ta',
  nothing: '$2y$06$mFDtkz6UN7B3GZ2qi2hhaO3OFWzNEdcY84ELw6iHCPruuQfSAXBLK',
  nothing2b: '$2b$06$8eVN9RiU8Yki430X.wBvN.LWaqh2962emLVSVXVZIXJvDYLsV0oFu',
}

const run = promisify(execFile)

const accepts = async (password: string | Uint8Array, hash: string) =>
  (await verifyPassword(password, hash, TOLD_APART)).ok

describe('a password', () => {
  it('ends at a zero where the hash was written in C, and nowhere else', async () => {
    expect(await accepts('abc\0def', BCRYPT_OF.abc)).toBe(true)
    expect(await accepts('abc\0def', BCRYPT_OF.abc2b)).toBe(false)
  })

  it('of zeros is not the empty one', async () => {
    expect(await accepts('', BCRYPT_OF.nothing)).toBe(true)
    expect(await accepts('', BCRYPT_OF.nothing2b)).toBe(true)
    expect(await accepts('\0', BCRYPT_OF.nothing)).toBe(false)
    expect(await accepts('\0\0', BCRYPT_OF.nothing2b)).toBe(false)
    expect(await accepts('\0x', BCRYPT_OF.nothing)).toBe(false)
  })

  it('A9 counts for 72 bytes in bcrypt, and for all of them in what is stored then', async () => {
    const long = VECTORS.find(({ text, scheme }) => scheme === 'bcrypt' && text?.endsWith('are ignored'))
    expect(long).toBeDefined()
    const [text, hash] = [long?.text ?? '', long?.hash ?? '']
    expect(await accepts(text, hash)).toBe(true)
    expect(await accepts(text.slice(0, 72), hash)).toBe(true)
    expect(await accepts(text.slice(0, 71), hash)).toBe(false)
    const stored = await argon2id(CHEAP).hash(Buffer.from(text))
    expect(await accepts(text, stored)).toBe(true)
    expect(await accepts(text.slice(0, 72), stored)).toBe(false)
  })

  it('with half a surrogate pair belongs to no hash, not even to that of what it would be replaced by', async () => {
    const hash = await argon2id(CHEAP).hash(Buffer.from('x\ufffd'))
    expect(await accepts('x\ufffd', hash)).toBe(true)
    expect(await accepts('x\ud83d', hash)).toBe(false)
    expect(await accepts('x\udc00', hash)).toBe(false)
  })

  it('that is no text and no bytes belongs to no hash', async () => {
    for (const password of [undefined, null, 7, ['abc'], { toString: () => 'abc' }, Symbol('abc')]) {
      expect(await accepts(password as string, BCRYPT_OF.abc)).toBe(false)
    }
  })

  it('in UTF-8 is not the one in Latin-1, unless the scheme is told so', async () => {
    const utf8 = '$2y$06$sYDFHqOcXTjBgOsqC0WCKeduM9n5k0YfzTlgg69FIgGpw4ChTQNu2'
    expect(await accepts(Buffer.of(0xf5), utf8)).toBe(true)
    expect(await accepts('\u00f5', utf8)).toBe(false)
    const latin1 = osCommerce({ text: 'latin1' })
    const hash = `${digestOf('md5', Buffer.from('12p\u00e4ss', 'latin1'))}:12`
    expect((await verifyPassword('p\u00e4ss', hash, [latin1])).ok).toBe(true)
    expect((await verifyPassword('p\u00e4ss', hash, [osCommerce()])).ok).toBe(false)
  })

  it('of WordPress is trimmed as PHP does it', async () => {
    const scheme = wordpress()
    const { hash = '' } = VECTORS.find((vector) => vector.scheme === 'wordpress' && vector.text === 'password') ?? {}
    expect((await verifyPassword(' \t\n\r\0\vpassword \n', hash, [scheme])).ok).toBe(true)
    expect((await verifyPassword('\u00a0password', hash, [scheme])).ok).toBe(false)
  })
})

describe('a stored string', () => {
  // The key of zeros is a weak one of DES: two rounds with it undo each other, and BSDi's rounds may be any odd number.
  const cheap = VECTORS.filter(({ hash }) => {
    const { m = 0, t = 0, cost = 0, rounds = 0, log2 = 0, iterations = 0, N = 0 } = identify(hash)?.params ?? {}
    return m * t <= 1_024 && cost <= 5 && rounds <= 1_000 && log2 <= 8 && iterations <= 1_000 && N <= 1_024
  }).filter(({ scheme, text }) => scheme !== 'firebase-scrypt' && (scheme !== 'bsdi-crypt' || text !== ''))

  it.each(['\n', ' ', '\0', '\u00a0', '$', ':'])('with %j behind it is another string', async (more) => {
    for (const vector of cheap) {
      const schemes = EVERY.filter(({ name }) => name === vector.scheme)
      const options = vector.params === undefined ? {} : { params: vector.params }
      const { ok } = await verifyPassword(passwordOf(vector), vector.hash + more, schemes, options)
      expect({ hash: vector.hash, ok }).toEqual({ hash: vector.hash, ok: false })
    }
  })

  it('with one character changed does not verify, unless it spells the same hash', async () => {
    const names = [...new Set(cheap.map(({ scheme }) => scheme))]
    const one = fc.constantFrom(...names).chain((name) => fc.constantFrom(...cheap.filter((v) => v.scheme === name)))
    await fc.assert(
      fc.asyncProperty(one, fc.nat(), fc.constantFrom(...CHARACTERS), async (vector, nth, character) => {
        const at = nth % vector.hash.length
        const changed = vector.hash.slice(0, at) + character + vector.hash.slice(at + 1)
        if (sameHash(changed, vector.hash)) return
        const schemes = EVERY.filter(({ name }) => name === vector.scheme)
        const options = vector.params === undefined ? {} : { params: vector.params }
        const { ok } = await verifyPassword(passwordOf(vector), changed, schemes, { ...options, limits: CHEAP_LIMITS })
        expect({ changed, hash: vector.hash, ok }).toEqual({ changed, hash: vector.hash, ok: false })
      }),
      { numRuns: 1_500 },
    )
  })

  it('of a megabyte is refused at a glance', async () => {
    for (const { hash } of cheap.slice(0, 50)) {
      const started = performance.now()
      const { reason } = await verifyPassword('password', hash + 'A'.repeat(1_000_000), EVERY)
      expect(reason).toBe('malformed')
      expect(performance.now() - started).toBeLessThan(50)
    }
  })

  it('of a megabyte is refused also where it would be right', async () => {
    const salt = 'a'.repeat(1_000_000)
    const hash = `md5$${salt}$${digestOf('md5', `${salt}password`)}`
    expect(await verifyPassword('password', hash, TOLD_APART)).toEqual({ ok: false, reason: 'malformed' })
    expect(await verifyPassword('password', hash, TOLD_APART, { limits: { hashLength: 2_000_000 } })).toEqual({
      ok: true,
      scheme: 'django-md5',
    })
  })

  it('of 100 kB that is made to be backtracked over is read in linear time', () => {
    const limits = { ...DEFAULT_LIMITS, ...CHEAP_LIMITS, hashLength: 200_000 }
    const tails = ['a', '0', '=', '$', ',', 'm=1,', 'A=', '{', '}', ':', '\n', '00', '{SALT}', '-', '/.'].map((piece) =>
      piece.repeat(100_000 / piece.length),
    )
    const heads = EVERY.flatMap((scheme) => [scheme.dummy(), ''].map((dummy) => ({ scheme, head: headOf(dummy) })))
    for (const { scheme, head } of heads) {
      for (const tail of tails) {
        for (const hash of [head + tail, `${head}${tail}!`]) {
          const read = () => {
            const started = performance.now()
            if (scheme.claims(hash)) scheme.read(hash, limits)
            return performance.now() - started
          }
          // The fastest of three: the machine may be busy with something else.
          const slow = read() > 50 && read() > 50 && read() > 50
          expect({ name: scheme.name, slow }).toEqual({ name: scheme.name, slow: false })
        }
      }
    }
  })

  it('is told from another case of its hex only where its writers tell it', async () => {
    expect(await accepts('password', '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'.toLowerCase())).toBe(true)
    expect((await verifyPassword('password', '8846F7EAEE8FB117AD06BDD830B7586C', [ntlm()])).ok).toBe(true)
    expect((await verifyPassword('password', '5F4DCC3B5AA765D61D8327DEB882CF99', [md5Hex()])).ok).toBe(true)
    const django = 'md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3'
    expect(await accepts('l\u00e8tmein', django)).toBe(true)
    expect(await accepts('l\u00e8tmein', django.replace('3f86d0', '3F86D0'))).toBe(false)
  })

  it('is ambiguous when two of the schemes could have written it', async () => {
    const digest = '8846f7eaee8fb117ad06bdd830b7586c'
    expect(await verifyPassword('password', digest, [md5Hex(), ntlm()])).toEqual({ ok: false, reason: 'ambiguous' })
    expect(await verifyPassword('password', digest, TOLD_APART)).toEqual({ ok: false, reason: 'ambiguous' })
    expect(await verifyPassword('password', digest, [ntlm()])).toEqual({ ok: true, scheme: 'ntlm' })
  })

  it('is of no use without what is kept elsewhere', async () => {
    const hash = 'md5a6343a68d964ca596d9752250d54bb8a'
    const verify = async (params: Record<string, string>) =>
      verifyPassword('hashcat', hash, [postgresMd5()], { params })
    const ambiguous = { ok: false, scheme: 'postgres-md5', reason: 'ambiguous' }
    expect(await verify({})).toEqual(ambiguous)
    expect(await verify({ user: 'postgres' })).toEqual(ambiguous)
    expect(await verify(Object.create({ username: 'postgres' }) as Record<string, string>)).toEqual(ambiguous)
    expect(await verify(JSON.parse('{"__proto__": "x"}') as Record<string, string>)).toEqual(ambiguous)
    expect(await verify({ username: 'postgres' })).toEqual({ ok: true, scheme: 'postgres-md5' })
    await expect(verify({ username: 7 as never })).rejects.toThrow('params.username')
  })
})

describe('an export of Firebase', () => {
  const { hash = '', text = '', params } = VECTORS.find(({ source }) => source.startsWith('Firebase')) ?? {}
  const project = {
    ...params,
    signerKey: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
    saltSeparator: 'Bw==',
  }

  it('verifies with the key and the separator of its project, wherever they come from', async () => {
    const { signerKey, saltSeparator } = project
    const told = firebaseScrypt({ signerKey, saltSeparator, rounds: 8, memCost: 14 })
    expect(await verifyPassword(text, hash, [told], { params: params ?? {} })).toMatchObject({ ok: true })
    expect(await verifyPassword(text, hash, [firebaseScrypt()], { params: project })).toMatchObject({ ok: true })
    const other = { ...project, saltSeparator: 'Bg==' }
    expect((await verifyPassword(text, hash, [firebaseScrypt()], { params: other })).ok).toBe(false)
  })

  it('is of no use without them', async () => {
    const { signerKey, saltSeparator } = project
    for (const some of [params ?? {}, { signerKey, saltSeparator }]) {
      expect(await verifyPassword(text, hash, [firebaseScrypt()], { params: some })).toMatchObject({
        ok: false,
        reason: 'ambiguous',
      })
    }
    expect(() => firebaseScrypt({ signerKey: 'no base64!' })).toThrow(/signerKey(?!.*no base64)/)
    expect(() => firebaseScrypt({ saltSeparator: '!' })).toThrow('saltSeparator')
    expect(() => firebaseScrypt({ memCost: 40 })).toThrow('memCost')
  })
})

describe('what can hash', () => {
  it('verifies what it made, and nothing with a bit of it changed', async () => {
    const hasher = argon2id(CHEAP)
    const passwords = fc.uint8Array({ minLength: 1, maxLength: 100 })
    await fc.assert(
      fc.asyncProperty(passwords, fc.nat(), fc.nat(7), async (password, nth, bit) => {
        const hash = await hasher.hash(Buffer.from(password))
        expect(await verifyPassword(password, hash, [hasher])).toEqual({ ok: true, scheme: 'argon2id' })
        expect(needsUpgrade(hash, CHEAP)).toBe(false)
        const other = Uint8Array.from(password)
        other[nth % other.length] = (other[nth % other.length] ?? 0) ^ (1 << bit)
        expect((await verifyPassword(other, hash, [hasher])).ok).toBe(false)
        const parts = hash.split('$')
        for (const place of [4, 5]) {
          const bytes = Buffer.from(parts[place] ?? '', 'base64')
          bytes[nth % bytes.length] = (bytes[nth % bytes.length] ?? 0) ^ (1 << bit)
          const changed = parts.with(place, bytes.toString('base64').replaceAll('=', '')).join('$')
          expect((await verifyPassword(password, changed, [hasher])).ok).toBe(false)
        }
      }),
      { numRuns: 100 },
    )
  })
})

describe('DES', () => {
  const { hash = '', text = '' } = VECTORS.find((v) => v.scheme === 'des-crypt' && v.source.startsWith('hashcat')) ?? {}

  it('is refused until it is named', async () => {
    expect(await verifyPassword(text, hash, TOLD_APART)).toEqual({ ok: false, reason: 'unsupported' })
    expect(await verifyPassword(text, hash, [desCrypt()])).toEqual({ ok: true, scheme: 'des-crypt' })
    const ldap = `{crypt}${hash}`
    expect(await verifyPassword(text, ldap, TOLD_APART)).toMatchObject({ ok: false, reason: 'unsupported' })
    expect(await verifyPassword(text, ldap, [ldapCrypt({ des: true })])).toEqual({ ok: true, scheme: 'ldap-crypt' })
  })
})

describe('many rounds', () => {
  it('are run where they are when the process may start no thread', async () => {
    const vector = VECTORS.find(({ scheme, hash }) => scheme === 'phpass' && hash.startsWith('$H$'))
    const entry = new URL('../src/index.ts', import.meta.url).href
    const program = `
      import { phpass, verifyPassword } from ${JSON.stringify(entry)}
      const { Worker } = await import('node:worker_threads')
      try { new Worker('1', { eval: true }) } catch (error) { console.log(error.code) }
      console.log((await verifyPassword(${JSON.stringify(vector?.text)}, ${JSON.stringify(vector?.hash)}, [phpass()])).ok)
    `
    const flags = ['--permission', '--allow-fs-read=*', '--allow-addons', '--no-warnings', '--conditions=twinspan-src']
    const { stdout } = await run(process.execPath, [...flags, '--input-type=module', '-e', program])
    expect(stdout.trim().split('\n')).toEqual(['ERR_ACCESS_DENIED', 'true'])
  })

  it.each([
    [sha512Crypt(), sha512Crypt().dummy({ rounds: 100_000 })],
    [phpass(), phpass().dummy({ log2: 16 })],
  ])('run beside the event loop: %o', async (scheme, hash) => {
    const before = performance.eventLoopUtilization()
    expect(await verifyPassword('password', hash, [scheme])).toEqual({ ok: false, scheme: scheme.name })
    expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5)
  })

  it('are verified side by side, each with its own answer', async () => {
    const vectors = VECTORS.filter(({ scheme }) => scheme === 'phpass').slice(0, 8)
    const answers = await Promise.all(
      vectors.flatMap((vector) =>
        [passwordOf(vector), Buffer.from('not it')].map((password) =>
          verifyPassword(password, vector.hash, [phpass()]),
        ),
      ),
    )
    expect(answers.map(({ ok }) => ok)).toEqual(vectors.flatMap(() => [true, false]))
  })
})

/** What stands before the first part that differs from hash to hash. */
function headOf(dummy: string): string {
  return /^(?:\{[^}]*\}|\$?[A-Za-z0-9_:.,=-]{1,24}\$)?/.exec(dummy)?.[0] ?? ''
}

function sameHash(a: string, b: string): boolean {
  return canonical(a) === canonical(b)
}

/** Small letters, and for bcrypt one minor version and no padding: what may be spelled in several ways. */
function canonical(hash: string): string {
  const [, head, salt, middle, digest] =
    /^(.*2[aby]?,?.*\$)([./A-Za-z0-9]{22})(\$?)([./A-Za-z0-9]{31})$/.exec(hash) ?? []
  if (head === undefined || salt === undefined || digest === undefined) return hash.toLowerCase()
  return `${head.replace(/2[aby]/, '2')}${clearPadding(salt, 4)}${middle}${clearPadding(digest, 2)}`.toLowerCase()
}
