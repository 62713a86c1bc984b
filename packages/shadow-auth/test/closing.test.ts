import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  argon2id,
  bcrypt,
  createShadowAuth,
  phpass,
  remaining,
  type ShadowAuthOptions,
  verifyPassword,
  type WrapOptions,
  type WrapProgress,
  wrapInactive,
} from '../src/index.ts'
import { ldapMd5, md5Crypt } from '../src/schemes/index.ts'
import { WRAPPED } from '../src/wrapped.ts'
import { bcryptHash, CHEAP, createWorld, type World } from './support.ts'

const PASSWORD = 'correct horse'
const INVALID = { ok: false, reason: 'invalid' }
const MD5 = createHash('md5').update(PASSWORD).digest()

const USERS = [
  { uid: 1, login: 'bcrypt', hash: bcryptHash(PASSWORD) },
  { uid: 2, login: 'md5', hash: `{MD5}${MD5.toString('base64')}` },
  { uid: 3, login: 'phpass', hash: '$P$984478476IagS59wHZvyQMArzfx58u.' },
  { uid: 4, login: 'unreadable', hash: '!!' },
  { uid: 5, login: 'none', hash: null },
  { uid: 6, login: 'migrated', hash: bcryptHash(PASSWORD) },
]

function optionsOf({ legacy, target, events }: World, more: Partial<ShadowAuthOptions> = {}): ShadowAuthOptions {
  return {
    legacy,
    target,
    hash: argon2id(CHEAP),
    accepts: [bcrypt(), phpass(), ldapMd5(), md5Crypt()],
    telemetry: { emit: (event) => events.push(event) },
    timeoutMs: 100,
    ...more,
  }
}

async function worldOfSleepers(): Promise<World> {
  const world = createWorld({ legacy: USERS })
  await createShadowAuth(optionsOf(world)).verifyAndUpgrade('migrated', PASSWORD)
  return world
}

async function wrapAll(world: World, options: WrapOptions = {}, more: Partial<ShadowAuthOptions> = {}) {
  let last: WrapProgress | undefined
  for await (const progress of wrapInactive(optionsOf(world, more), { maxShare: 1, ...options })) last = progress
  return last
}

const hashOf = (world: World, uid: number): string => world.target.accounts.get(String(uid))?.hash ?? ''

describe('wrapped hashes', () => {
  it('protect those who have not migrated, so that their old hashes can be erased', async () => {
    const world = await worldOfSleepers()
    expect(await wrapAll(world)).toEqual({ after: 6, seen: 6, wrapped: 3, skipped: 2, unwrappable: 1, lost: 0 })
    for (const uid of [1, 2, 3]) {
      expect(hashOf(world, uid)).toMatch(/^\$twinspan-wrapped\$/)
      // Nothing of the old digest is left.
      expect(hashOf(world, uid)).not.toContain(world.legacy.accounts.get(String(uid))?.hash?.slice(-20))
      world.legacy.put({ ...USERS[uid - 1], hash: null } as (typeof USERS)[0])
    }
    const auth = createShadowAuth(optionsOf(world))
    expect(await auth.verifyAndUpgrade('bcrypt', 'wrong')).toEqual(INVALID)
    for (const login of ['bcrypt', 'md5']) {
      expect(await auth.verifyAndUpgrade(login, PASSWORD)).toMatchObject({ ok: true, via: 'target', upgraded: true })
      expect(await auth.verifyAndUpgrade(login, PASSWORD)).toMatchObject({ ok: true, upgraded: false })
    }
    expect(await auth.verifyAndUpgrade('phpass', 'hashcat')).toMatchObject({ ok: true, upgraded: true })
    expect(hashOf(world, 2)).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$/)
  })

  it('A10 never take the inner digest, in whatever spelling, for the password', async () => {
    const world = await worldOfSleepers()
    await wrapAll(world)
    const auth = createShadowAuth(optionsOf(world))
    const stored = hashOf(world, 2)
    const outer = stored.slice(stored.indexOf('$argon2id'))
    const digests = [
      USERS[1]?.hash ?? '',
      MD5.toString('hex'),
      MD5.toString('base64'),
      MD5.toString('latin1'),
      `twinspan/wrapped\0ldap-md5\0${MD5.toString('hex')}`,
      stored,
      outer,
    ]
    for (const digest of digests) expect(await auth.verifyAndUpgrade('md5', digest)).toEqual(INVALID)
    // Not even where the prefix was lost: what the outer hash is made of is more than the digest.
    for (const digest of [...digests.filter((one) => !one.includes('\0')), MD5]) {
      expect(await verifyPassword(digest, outer, [argon2id(CHEAP)])).toEqual({ ok: false, scheme: 'argon2id' })
    }
    expect(await auth.verifyAndUpgrade('md5', PASSWORD)).toMatchObject({ ok: true })
  })

  it('go by a salt that stands in a column of its own', async () => {
    const world = createWorld({})
    const salted = { ...md5Crypt(), name: 'column-salted', claims: (hash: string) => /^[\w./]{22}$/.test(hash) }
    const scheme: typeof salted = {
      ...salted,
      read: (hash, limits, params) => {
        const reading = md5Crypt().read(`$1$${String(params?.['salt'])}$${hash}`, limits)
        if (!reading.ok || reading.inner === undefined) return reading
        return { ...reading, inner: { ...reading.inner, shell: '.'.repeat(22) } }
      },
    }
    // A published vector of hashcat, mode 500, taken apart.
    world.legacy.put({ uid: 1, login: 'ann', hash: 'iEwNOgGugqO9.bIz5sk8k/' })
    for (const method of ['find', 'scan'] as const) {
      const original = world.legacy[method] as (argument: never) => Promise<readonly object[]>
      Object.assign(world.legacy, {
        [method]: async (argument: never) =>
          (await original(argument)).map((one) => ({ ...one, params: { salt: '28772684' } })),
      })
    }
    expect(await wrapAll(world, {}, { accepts: [scheme] })).toMatchObject({ wrapped: 1 })
    world.legacy.accounts.clear()
    const auth = createShadowAuth(optionsOf(world, { accepts: [scheme] }))
    expect(await auth.verifyAndUpgrade('ann', 'hashcat')).toMatchObject({ ok: true, via: 'target', upgraded: true })
  })

  it('are refused where they were tampered with', async () => {
    const world = await worldOfSleepers()
    await wrapAll(world)
    const stored = hashOf(world, 1)
    const auth = createShadowAuth(optionsOf(world))
    const shell = (text: string) => `$twinspan-wrapped$${Buffer.from(text).toString('base64url')}`
    const outer = stored.slice(stored.indexOf('$argon2id'))
    for (const hash of [
      '$twinspan-wrapped$',
      `$twinspan-wrapped$AAAA${outer}`,
      shell('{}') + outer,
      shell('["$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"]') + outer,
      stored.replace('m=64', 'm=99999999'),
      // Wrapped twice: the inner one is no scheme that is accepted.
      shell(JSON.stringify([stored])) + outer,
    ]) {
      world.target.put({ uid: 1, login: 'bcrypt', hash })
      const started = performance.now()
      expect(await auth.verifyAndUpgrade('bcrypt', PASSWORD)).toEqual(INVALID)
      expect(performance.now() - started).toBeLessThan(5_000)
    }
  })
})

describe('the job that wraps', () => {
  it('goes on where one that died stopped, and does nothing twice', async () => {
    const world = await worldOfSleepers()
    const seen: WrapProgress[] = []
    for await (const progress of wrapInactive(optionsOf(world), { maxShare: 1, pageSize: 2 })) {
      seen.push(progress)
      if (progress.wrapped === 1) break
    }
    const after = seen.at(-1)?.after
    expect(after).toBe(1)
    const hash = hashOf(world, 1)
    expect(await wrapAll(world, { pageSize: 2, ...(after === undefined ? {} : { after }) })).toMatchObject({
      seen: 5,
      wrapped: 2,
    })
    expect(await wrapAll(world)).toMatchObject({ wrapped: 0, unwrappable: 1 })
    expect(hashOf(world, 1)).toBe(hash)
  })

  it('leaves alone whom it is told to, and who logs in meanwhile', async () => {
    const world = await worldOfSleepers()
    const auth = createShadowAuth(optionsOf(world))
    const only = async ({ login }: { login: string | null }): Promise<boolean> => {
      if (login === 'bcrypt') expect(await auth.verifyAndUpgrade(login, PASSWORD)).toMatchObject({ upgraded: true })
      return login !== 'md5'
    }
    expect(await wrapAll(world, { only })).toMatchObject({ wrapped: 1, lost: 1 })
    expect(hashOf(world, 1)).toMatch(/^\$argon2id\$/)
    expect(world.target.accounts.has('2')).toBe(false)
  })

  it('gives way to a password that legacy changed meanwhile', async () => {
    const world = await worldOfSleepers()
    const mark = world.legacy.closeBridge.bind(world.legacy)
    world.legacy.closeBridge = async (uid) => {
      await mark(uid)
      world.legacy.put({ uid: 1, login: 'bcrypt', hash: bcryptHash('newer') })
    }
    expect(await wrapAll(world, { only: ({ uid }) => uid === 1 })).toMatchObject({ wrapped: 0, lost: 1 })
    const auth = createShadowAuth(optionsOf(world))
    expect(await auth.verifyAndUpgrade('bcrypt', PASSWORD)).toEqual(INVALID)
    expect(await auth.verifyAndUpgrade('bcrypt', 'newer')).toMatchObject({ ok: true, via: 'legacy', upgraded: true })
  })

  it('works for its share of the time, and stops between users', async () => {
    const world = createWorld({
      legacy: Array.from({ length: 12 }, (_, uid) => ({ uid, login: `user ${uid}`, hash: bcryptHash(PASSWORD) })),
    })
    const started = performance.now()
    await wrapAll(world, { only: ({ uid }) => Number(uid) < 6 })
    const full = performance.now() - started
    const again = performance.now()
    await wrapAll(world, { maxShare: 0.1 }, { hash: argon2id({ m: 1_024, t: 4 }) })
    expect(performance.now() - again).toBeGreaterThan(full * 3)
    const abort = new AbortController()
    const third = createWorld({ legacy: USERS })
    await expect(
      wrapAll(third, {
        signal: abort.signal,
        only: () => {
          abort.abort(new Error('enough'))
          return true
        },
      }),
    ).rejects.toThrow('enough')
  })

  it('says that it stopped when a store is gone, and what it cannot do without', async () => {
    const world = await worldOfSleepers()
    world.down.add('target')
    await expect(wrapAll(world)).rejects.toMatchObject({ code: 'TWINSPAN_UNAVAILABLE' })
    const { scan: _, ...legacy } = world.legacy
    await expect(wrapAll(world, {}, { legacy })).rejects.toThrow(
      'Option legacy of wrapInactive takes a store with scan()',
    )
    await expect(wrapAll(world, { maxShare: 0 })).rejects.toThrow('maxShare')
    await expect(wrapAll(world, { pageSize: 0.5 })).rejects.toThrow('pageSize')
  })
})

describe('who has not migrated', () => {
  it('is counted by scheme', async () => {
    const world = await worldOfSleepers()
    expect(await remaining(optionsOf(world), { maxShare: 1, pageSize: 2 })).toEqual({
      users: 6,
      migrated: 1,
      wrapped: 0,
      without: 1,
      remaining: { bcrypt: 1, 'ldap-md5': 1, phpass: 1, unreadable: 1 },
    })
    await wrapAll(world)
    world.events.length = 0
    expect(await remaining(optionsOf(world), { maxShare: 1 })).toMatchObject({
      migrated: 1,
      wrapped: 3,
      remaining: { unreadable: 1 },
    })
    const counted = world.events.flatMap((event) => (event.type === 'auth-remaining' ? [event] : []))
    expect(counted.map(({ scheme, users }) => `${scheme} ${users}`)).toEqual([
      'argon2id 0',
      'bcrypt 0',
      'phpass 0',
      'ldap-md5 0',
      'md5-crypt 0',
      `${WRAPPED} 0`,
      'unreadable 1',
    ])
  })

  it('counts a password that was changed in legacy once more', async () => {
    const world = await worldOfSleepers()
    world.legacy.put({ uid: 6, login: 'migrated', hash: bcryptHash('newer') })
    expect(await remaining(optionsOf(world), { maxShare: 1 })).toMatchObject({ migrated: 0, remaining: { bcrypt: 2 } })
  })
})

describe('a bridge that closes with force-reset', () => {
  const closing = { bridge: { closing: 'force-reset' } } as const

  it('lets nobody in by a legacy password, and tells those who know theirs to choose another', async () => {
    const world = await worldOfSleepers()
    const auth = createShadowAuth(optionsOf(world, closing))
    for (const login of ['bcrypt', 'md5']) {
      expect(await auth.verifyAndUpgrade(login, PASSWORD)).toEqual({ ok: false, reason: 'reset-required' })
      expect(await auth.changePassword(login, PASSWORD, 'new')).toEqual({ ok: false, reason: 'reset-required' })
      expect(await auth.verifyAndUpgrade(login, 'wrong')).toEqual(INVALID)
    }
    expect(world.target.accounts.has('1')).toBe(false)
    expect(await auth.verifyAndUpgrade('migrated', PASSWORD)).toMatchObject({ ok: true, via: 'target' })
    expect(await auth.findForReset('bcrypt')).toMatchObject({ ok: true, uid: 1 })
    expect(await auth.resetPassword(1, 'new password')).toEqual({ ok: true, uid: 1 })
    expect(await auth.verifyAndUpgrade('bcrypt', 'new password')).toMatchObject({ ok: true })
    expect(await auth.verifyAndUpgrade('bcrypt', PASSWORD)).toEqual(INVALID)
  })

  it('counts a legacy hash that was copied into the target as one', async () => {
    const world = createWorld({ legacy: USERS, target: [USERS[0] as (typeof USERS)[0]] })
    const auth = createShadowAuth(optionsOf(world, closing))
    expect(await auth.verifyAndUpgrade('bcrypt', PASSWORD)).toEqual({ ok: false, reason: 'reset-required' })
  })
})

describe('a bridge that closes with a silo', () => {
  const closing = { bridge: { closing: 'silo' } } as const

  it('asks legacy about nobody, and lets those in whose hashes were wrapped', async () => {
    const world = await worldOfSleepers()
    await wrapAll(world, { only: ({ uid }) => uid !== 3 })
    world.asked.length = 0
    const auth = createShadowAuth(optionsOf(world, closing))
    for (const login of ['bcrypt', 'md5', 'migrated']) {
      expect(await auth.verifyAndUpgrade(login, 'wrong')).toEqual(INVALID)
      expect(await auth.verifyAndUpgrade(login, PASSWORD)).toMatchObject({ ok: true, via: 'target' })
    }
    expect(await auth.verifyAndUpgrade('phpass', 'hashcat')).toEqual(INVALID)
    expect(await auth.verifyAndUpgrade('nobody', PASSWORD)).toEqual(INVALID)
    world.down.add('target')
    expect(await auth.verifyAndUpgrade('md5', PASSWORD)).toEqual({ ok: false, reason: 'unavailable' })
    world.down.delete('target')
    expect(world.asked.filter((call) => /^legacy\.find/.test(call))).toEqual([])
    // Whoever has nothing there may still reset.
    expect(await auth.findForReset('phpass')).toMatchObject({ ok: true, uid: 3, via: 'legacy' })
    expect(await auth.isReserved('phpass')).toBe(true)
  })

  it('does not trust a copy of which nobody can tell any more how old it is', async () => {
    const world = createWorld({ legacy: USERS, target: [USERS[0] as (typeof USERS)[0]] })
    const auth = createShadowAuth(optionsOf(world, closing))
    expect(await auth.verifyAndUpgrade('bcrypt', PASSWORD)).toEqual(INVALID)
    await wrapAll(world)
    expect(await auth.verifyAndUpgrade('bcrypt', PASSWORD)).toMatchObject({ ok: true, via: 'target' })
  })

  it('keeps the bridge of a wrapped hash, so that it may open again', async () => {
    const world = await worldOfSleepers()
    await wrapAll(world)
    const auth = createShadowAuth(optionsOf(world, closing))
    expect(await auth.verifyAndUpgrade('bcrypt', PASSWORD)).toMatchObject({ ok: true, upgraded: true })
    world.legacy.put({ uid: 1, login: 'bcrypt', hash: bcryptHash('newer') })
    expect(await createShadowAuth(optionsOf(world)).verifyAndUpgrade('bcrypt', 'newer')).toMatchObject({
      via: 'legacy',
    })
  })
})
