import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { argon2id, identify, needsUpgrade, verifyPassword } from '../src/index.ts'
import { allSchemes } from '../src/schemes/index.ts'
import { EVERY, NAMED } from './every-scheme.ts'

const schemes = allSchemes()
const SALT = 'c29tZXNhbHRzb21lc2FsdA'
const KEY = 'IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4'

const BOMBS: readonly string[] = [
  `$argon2id$v=19$m=4194304,t=1,p=1$${SALT}$${KEY}`,
  `$argon2id$v=19$m=65536,t=4294967295,p=1$${SALT}$${KEY}`,
  `$argon2id$v=19$m=65536,t=99999999999999999999,p=1$${SALT}$${KEY}`,
  `$argon2id$v=19$m=65536,t=2,p=16777215$${SALT}$${KEY}`,
  '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  '$2y$20$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  'bcrypt_sha256$$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  '$bcrypt-sha256$v=2,t=2b,r=31$5Hg1DKFqPE8C2aflZ5vVoe$12BjNE0p7axMg55.Y/mHsYiVuFBDQyu',
  '$P$S12345678si5M0DDyPpmRCmcltU/YW/',
  '$S$S33783772bRXEx1aCsvY.dqgaaSu76XmVlKrW9Qu8IQlvxHlmzLf',
  `$6$rounds=999999999$saltstring$${'a'.repeat(86)}`,
  `$5$rounds=999999999$saltstring$${'a'.repeat(43)}`,
  `$sha1$4294967295$uV7PTeux$I9oHnvwPZHMO0Nq6/WgyGV/tDJIH`,
  `{CRYPT}$6$rounds=999999999$saltstring$${'a'.repeat(86)}`,
  `$scrypt$ln=31,r=8,p=1$${SALT}$${KEY}`,
  `$scrypt$ln=10,r=8,p=999999999$${SALT}$${KEY}`,
  `pbkdf2_sha256$4294967295$salt$${KEY}=`,
  `$pbkdf2-sha512$99999999$THDqatpidANpadlLeTeOEg$${KEY}`,
  `grub.pbkdf2.sha512.99999999.${'AB'.repeat(32)}.${'CD'.repeat(64)}`,
  '$7$zzzzzzzzzzzSodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D',
  '$7$S6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D',
  `scrypt$1073741824$salt$8$1$${'A'.repeat(86)}==`,
  `scrypt$16384$salt$4294967295$1$${'A'.repeat(86)}==`,
  `scrypt:1073741824:8:1$salt$${'ab'.repeat(64)}`,
  `pbkdf2:sha512:4294967295$salt$${'ab'.repeat(64)}`,
  `$firescrypt$ln=30,r=8,p=1$c2FsdA$${'A'.repeat(86)}$Bw$${'A'.repeat(86)}`,
  `$firescrypt$ln=1024,r=8,p=1$c2FsdA$${'A'.repeat(86)}$Bw$${'A'.repeat(86)}`,
  `argon2$argon2id$v=19$m=4194304,t=1,p=1$${SALT}$${KEY}`,
  Buffer.from(`0100000002ffffffff00000010${'00'.repeat(48)}`, 'hex').toString('base64'),
  `SCRAM-SHA-256$4294967295:c2FsdHNhbHQ=$${'A'.repeat(43)}=:${'A'.repeat(43)}=`,
  `{PBKDF2-SHA512}99999999$THDqatpidANpadlLeTeOEg$${KEY}`,
  `$p5k2$ffffffff$salt$${'A'.repeat(27)}=`,
  `$p5k2$ffffffff$salt$${'A'.repeat(32)}`,
  '{bcrypt}$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  `{scrypt}$1e0801$${'A'.repeat(86)}==$${'A'.repeat(43)}=`,
  `{argon2}$argon2id$v=19$m=4194304,t=1,p=1$${SALT}$${KEY}`,
  '$wp$2y$20$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
]

const STRANGERS: readonly [string, string][] = [
  ['', 'malformed'],
  ['!', 'malformed'],
  ['*', 'malformed'],
  ['x', 'malformed'],
  ['plaintext', 'malformed'],
  ['\0\0\0', 'malformed'],
  ['$', 'malformed'],
  ['$$$$$', 'malformed'],
  ['$2b$', 'malformed'],
  ['$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'unsupported'],
  ['$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7', 'unsupported'],
  ['$gy$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7', 'unsupported'],
  ['ab/DEQq.fnuz6', 'unsupported'],
  ['_J9..abcdShP6tV5oe3k', 'unsupported'],
  ['{noop}password', 'unsupported'],
  ['$hmac-md4$MWQ5ZTI4Nzc2Zjg4YmE2MTQ5YjQ0OTMyOGE4NWU4YjA=$MTIzNDU=', 'unsupported'],
  ['pbkdf2:ripemd160:1000$salt$00112233445566778899', 'unsupported'],
  ['pbkdf2:constructor:1000$salt$00112233445566778899', 'unsupported'],
  ['{__proto__}$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'unsupported'],
  ['$hmac-constructor$MTIzNDU=$MTIzNDU=', 'unsupported'],
  ['5f4dcc3b5aa765d61d8327deb882cf99', 'ambiguous'],
  ['8846F7EAEE8FB117AD06BDD830B7586C', 'ambiguous'],
  ['5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8', 'ambiguous'],
  ['md500112233445566778899aabbccddeeff', 'ambiguous'],
  ['00'.repeat(50), 'ambiguous'],
  ['5f4dcc3b5aa765d61d8327deb882cf9', 'malformed'],
  ['*2C905879F74F28F8570989947D06A8429FB943E', 'malformed'],
  ['{ARGON2}$argon2id$v=19$m=64,t=1,p=1$a$b', 'unsupported'],
  ['$argon2id$', 'malformed'],
  ['$argon2id$v=19$m=64,t=1,p=1$$', 'malformed'],
  ['$argon2id$v=19$m=64,m=64,t=1,p=1$c29tZXNhbHQ$AJFIsNZTMKTAewB4+ETN1A', 'malformed'],
  ['$argon2id$v=19$m=-1,t=1,p=1$c29tZXNhbHQ$AJFIsNZTMKTAewB4+ETN1A', 'malformed'],
  ['$argon2id$v=19$m=1e9,t=1,p=1$c29tZXNhbHQ$AJFIsNZTMKTAewB4+ETN1A', 'malformed'],
  ['$argon2id$v=19$__proto__=1,m=64,t=1,p=1$c29tZXNhbHQ$AJFIsNZTMKTAewB4+ETN1A', 'malformed'],
  ['$__proto__$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AJFIsNZTMKTAewB4+ETN1A', 'unsupported'],
  [`$argon2id$v=19$m=64,t=1,p=1$${'A'.repeat(2_000)}$AJFIsNZTMKTAewB4+ETN1A`, 'malformed'],
  [`$6$${'$'.repeat(900)}`, 'malformed'],
  [`{SSHA}${'='.repeat(900)}`, 'malformed'],
]

describe('A6 a stored hash that asks for too much', () => {
  it.each(BOMBS)('is refused within a millisecond: %s', async (hash) => {
    const took: number[] = []
    for (let count = 0; count < 10; count++) {
      const started = performance.now()
      expect(await verifyPassword('password', hash, schemes)).toMatchObject({ ok: false, reason: 'cost' })
      took.push(performance.now() - started)
    }
    // The fastest of a few: the machine may be busy with something else.
    expect(Math.min(...took)).toBeLessThan(1)
    expect(identify(hash)).toMatchObject({ reason: 'cost' })
  })

  it('obeys limits of the caller', async () => {
    const hash = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
    expect(await verifyPassword('U*U', hash, schemes)).toEqual({ ok: true, scheme: 'bcrypt' })
    expect(await verifyPassword('U*U', hash, schemes, { limits: { bcryptCost: 4 } })).toMatchObject({ reason: 'cost' })
    await expect(verifyPassword('U*U', hash, schemes, { limits: { bcryptCost: 0 } })).rejects.toThrow(
      'limits.bcryptCost',
    )
  })
})

describe('a stored hash that is none', () => {
  it.each(STRANGERS)('%j is %s', async (hash, reason) => {
    expect(await verifyPassword('password', hash, schemes)).toMatchObject({ ok: false, reason })
    expect(needsUpgrade(hash)).toBe(true)
  })

  it.each([undefined, null, 7, {}, ['$2b$05$x'], Symbol('hash')])('%s is malformed', async (hash) => {
    expect(await verifyPassword('password', hash as string, schemes)).toEqual({ ok: false, reason: 'malformed' })
    expect(identify(hash as string)).toBeUndefined()
  })

  it('never throws and never takes long, whatever is made of a real one', async () => {
    const real = EVERY.map((scheme) => scheme.dummy())
    const mutated = fc
      .tuple(fc.constantFrom(...real), fc.nat(), fc.string({ maxLength: 4 }), fc.nat(3))
      .map(([hash, at, text, cut]) => {
        const place = at % (hash.length + 1)
        return hash.slice(0, place) + text + hash.slice(place + cut)
      })
    const cheap = { argon2Work: 1_024, bcryptCost: 5, pbkdf2Iterations: 5_000, scryptWork: 65_536, rounds: 2_048 }
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, fc.string({ unit: 'binary' }), fc.string()), async (hash) => {
        const started = performance.now()
        const params = { salt: 'salt', username: 'anna' }
        const claiming = NAMED.filter((scheme) => scheme.claims(hash))
        for (const list of [schemes, ...claiming.map((scheme) => [scheme])]) {
          const { ok } = await verifyPassword('password', hash, list, { limits: cheap, params })
          expect(ok).toBe(false)
        }
        expect(performance.now() - started).toBeLessThan(1_000)
        identify(hash)
        needsUpgrade(hash)
      }),
      { numRuns: 1_500 },
    )
  })
})

describe('what is stored', () => {
  it('A8 is written in the order m,t,p, with the version, and read in any order', async () => {
    const hasher = argon2id({ m: 64, t: 2, p: 2 })
    const hash = await hasher.hash(Buffer.from('password'))
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=64,t=2,p=2\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    const shuffled = hash.replace('m=64,t=2,p=2', 'p=2,m=64,t=2')
    expect(await verifyPassword('password', shuffled, schemes)).toEqual({ ok: true, scheme: 'argon2id' })
  })

  it('A8 is upgraded for its variant, its cost, its salt and its tag, never for being stronger', async () => {
    const policy = { m: 128, t: 2, p: 1 }
    const hash = async (options: Parameters<typeof argon2id>[0]) => argon2id(options).hash(Buffer.from('password'))
    expect(needsUpgrade(await hash(policy), policy)).toBe(false)
    expect(needsUpgrade(await hash({ ...policy, t: 3 }), policy)).toBe(false)
    expect(needsUpgrade(await hash({ ...policy, m: 256, t: 1 }), policy)).toBe(false)
    expect(needsUpgrade(await hash({ ...policy, t: 1 }), policy)).toBe(true)
    expect(needsUpgrade(await hash({ ...policy, m: 64, t: 8 }), policy)).toBe(true)
    expect(needsUpgrade(await hash({ ...policy, saltBytes: 8 }), policy)).toBe(true)
    expect(needsUpgrade(await hash({ ...policy, tagBytes: 16 }), policy)).toBe(true)
    expect(needsUpgrade((await hash(policy)).replace('argon2id', 'argon2i'), policy)).toBe(true)
    expect(needsUpgrade((await hash(policy)).replace('$v=19', ''), policy)).toBe(true)
  })

  it('A7 reads every $2y$ that a $2b$ is, padding bits set or not', async () => {
    const hash = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
    const padded = hash.replace('CCC.E5', 'CCCCE5').replace('CCCCC.', 'CCCCC/')
    for (const one of [
      hash,
      hash.replace('$2b$', '$2y$'),
      hash.replace('$2b$', '$2a$'),
      `${hash.slice(0, 28)}/${hash.slice(29)}`,
    ]) {
      expect(await verifyPassword('U*U', one, schemes)).toEqual({ ok: true, scheme: 'bcrypt' })
    }
    expect(padded).not.toBe(hash)
  })

  it('says where two implementations of $2x$ disagree', async () => {
    const hash = '$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
    expect(await verifyPassword('U*U', hash, schemes)).toEqual({ ok: true, scheme: 'bcrypt' })
    expect(await verifyPassword('Ü', hash, schemes)).toEqual({ ok: false, scheme: 'bcrypt', reason: 'ambiguous' })
  })
})
