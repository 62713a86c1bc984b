import { describe, expect, it } from 'vitest'
import { argon2id, bcrypt, createShadowAuth, identify, phpass } from '../src/index.ts'
import { bcryptHash, CHEAP, createWorld } from './support.ts'

const ANN = { uid: 7, login: 'ann@example.org', hash: bcryptHash('correct horse') }
const INVALID = { ok: false, reason: 'invalid' }
const UNAVAILABLE = { ok: false, reason: 'unavailable' }

async function migrated(options: Parameters<typeof createWorld>[1] = {}) {
  const world = createWorld({ legacy: [ANN] }, options)
  expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ upgraded: true })
  world.asked.length = 0
  return world
}

describe('a user who has not migrated', () => {
  it('logs in by the legacy hash and is upgraded to Argon2id', async () => {
    const { auth, target, legacy } = createWorld({ legacy: [ANN] })
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual({
      ok: true,
      uid: 7,
      via: 'legacy',
      upgraded: true,
    })
    const hash = target.accounts.get('7')?.hash ?? ''
    expect(identify(hash)).toEqual({ scheme: 'argon2id', params: CHEAP })
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$/)
    expect(legacy.accounts.get('7')?.hash).toBe(ANN.hash)
  })

  it('logs in by the target from then on', async () => {
    const { auth } = await migrated()
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual({
      ok: true,
      uid: 7,
      via: 'target',
      upgraded: false,
    })
    expect(await auth.verifyAndUpgrade(ANN.login, 'wrong')).toEqual(INVALID)
  })

  it('is refused with a wrong password, and nothing is stored', async () => {
    const { auth, target } = createWorld({ legacy: [ANN] })
    expect(await auth.verifyAndUpgrade(ANN.login, 'wrong')).toEqual(INVALID)
    expect(await auth.verifyAndUpgrade('nobody@example.org', 'correct horse')).toEqual(INVALID)
    expect(target.accounts.size).toBe(0)
  })

  it('is upgraded in place when the target has the account without a password', async () => {
    const { auth, target } = createWorld({ legacy: [ANN], target: [{ ...ANN, hash: null }] })
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ via: 'legacy', upgraded: true })
    expect(target.accounts.get('7')?.hash).toMatch(/^\$argon2id\$/)
  })

  it('logs in all the same when the upgrade cannot be stored', async () => {
    const world = createWorld({ legacy: [ANN] })
    world.target.insertIfAbsent = () => Promise.reject(new Error('disk full'))
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ ok: true, upgraded: false })
    expect(world.findings()).toContain('target upgrade-failed')
  })

  it('logs in all the same when legacy cannot be marked, and is not upgraded', async () => {
    const world = createWorld({ legacy: [ANN] })
    world.legacy.closeBridge = () => Promise.reject(new Error('read-only'))
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ ok: true, upgraded: false })
    expect(world.target.accounts.size).toBe(0)
  })

  it('A9 keeps bytes beyond the 72 that bcrypt reads in the new hash', async () => {
    const long = `${'a'.repeat(72)}bcd`
    const { auth } = createWorld({ legacy: [{ ...ANN, hash: bcryptHash(long) }] })
    expect(await auth.verifyAndUpgrade(ANN.login, long)).toMatchObject({ via: 'legacy', upgraded: true })
    expect(await auth.verifyAndUpgrade(ANN.login, long)).toMatchObject({ via: 'target' })
    expect(await auth.verifyAndUpgrade(ANN.login, `${'a'.repeat(72)}xyz`)).toEqual(INVALID)
  })
})

describe('A1 an upgrade never overwrites a password that was changed meanwhile', () => {
  it('drops the new hash when the password was reset first, and the login still succeeds', async () => {
    const world = createWorld({ legacy: [ANN] })
    const insert = world.target.insertIfAbsent.bind(world.target)
    world.target.insertIfAbsent = async (account, revision) => {
      world.target.insertIfAbsent = insert
      expect(await world.auth.resetPassword(7, 'new password')).toEqual({ ok: true, uid: 7 })
      return insert(account, revision)
    }
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual({
      ok: true,
      uid: 7,
      via: 'legacy',
      upgraded: false,
    })
    expect(world.findings()).toEqual(['target upgrade-lost'])
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'new password')).toMatchObject({ ok: true, via: 'target' })
  })

  it('takes the new hash back when legacy changed between the verification and the write', async () => {
    const world = createWorld({ legacy: [ANN] })
    const mark = world.legacy.closeBridge.bind(world.legacy)
    world.legacy.closeBridge = async (uid) => {
      await mark(uid)
      world.legacy.put({ ...ANN, hash: bcryptHash('changed in legacy') })
    }
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ ok: true, upgraded: false })
    world.down.add('legacy')
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(UNAVAILABLE)
    world.down.clear()
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'changed in legacy')).toMatchObject({
      ok: true,
      upgraded: true,
    })
  })

  it('loses a rehash against a hash that the application wrote', async () => {
    const world = createWorld({ target: [ANN] })
    const replace = world.target.replaceHash.bind(world.target)
    world.target.replaceHash = (uid, expected, next) => {
      world.target.put({ ...ANN, hash: bcryptHash('written by the application') })
      return replace(uid, expected, next)
    }
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ ok: true, upgraded: false })
    expect(world.findings()).toContain('target upgrade-lost')
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
  })
})

describe('A2 an old password never works again', () => {
  it.each(['change', 'reset'] as const)(
    'is refused after a %s, legacy is not asked, target up or down',
    async (how) => {
      const world = createWorld({ legacy: [ANN] })
      const changed =
        how === 'change'
          ? await world.auth.changePassword(ANN.login, 'correct horse', 'new password')
          : await world.auth.resetPassword(7, 'new password')
      expect(changed).toEqual({ ok: true, uid: 7 })
      world.asked.length = 0
      expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
      expect(await world.auth.verifyAndUpgrade(ANN.login, 'new password')).toMatchObject({ ok: true, via: 'target' })
      expect(world.asked.filter((call) => call.startsWith('legacy'))).toEqual([])
      world.down.add('target')
      expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(UNAVAILABLE)
      expect(await world.auth.verifyAndUpgrade(ANN.login, 'new password')).toEqual(UNAVAILABLE)
    },
  )

  it('tells a migrated user that the target is down, and lets others in', async () => {
    const world = await migrated()
    const bob = { uid: 8, login: 'bob@example.org', hash: bcryptHash('battery') }
    world.legacy.put(bob)
    world.down.add('target')
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(UNAVAILABLE)
    expect(await world.auth.verifyAndUpgrade(bob.login, 'battery')).toEqual({
      ok: true,
      uid: 8,
      via: 'legacy',
      upgraded: false,
    })
    expect(await world.auth.verifyAndUpgrade(bob.login, 'wrong')).toEqual(INVALID)
  })

  it('answers within the timeout when the target hangs', async () => {
    const world = createWorld({ legacy: [ANN] })
    world.hung.add('target')
    const started = performance.now()
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ ok: true, via: 'legacy' })
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  it('remembers a closed bridge when the account is gone from the target', async () => {
    const world = createWorld({ legacy: [ANN] })
    await world.auth.resetPassword(7, 'new password')
    world.target.accounts.delete('7')
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
  })

  it('changes nothing and reports no success when a store that has to be written is down', async () => {
    const world = createWorld({ legacy: [ANN] })
    for (const side of ['legacy', 'target'] as const) {
      world.down.add(side)
      expect(await world.auth.resetPassword(7, 'new password')).toEqual(UNAVAILABLE)
      expect(await world.auth.changePassword(ANN.login, 'correct horse', 'new password')).toEqual(UNAVAILABLE)
      world.down.delete(side)
      expect(await world.auth.verifyAndUpgrade(ANN.login, 'new password')).toEqual(INVALID)
    }
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ ok: true })
  })

  it('resets a migrated user while legacy is down', async () => {
    const world = await migrated()
    world.down.add('legacy')
    expect(await world.auth.resetPassword(7, 'new password')).toEqual({ ok: true, uid: 7 })
    world.down.clear()
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
  })
})

describe('A3 a store that is down is not a wrong password', () => {
  it('answers unavailable to a user who is known to nobody that can be asked', async () => {
    const world = createWorld({ legacy: [ANN] })
    world.down.add('legacy')
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(UNAVAILABLE)
    expect(world.findings()).toEqual(['legacy unreachable'])
    world.down.add('target')
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(UNAVAILABLE)
  })

  it('lets a migrated user in while legacy is down', async () => {
    const world = await migrated()
    world.down.add('legacy')
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ ok: true, via: 'target' })
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'wrong')).toEqual(INVALID)
  })
})

describe('A13 one login, several people', () => {
  it('refuses a login that two accounts answer to, with a finding', async () => {
    const world = createWorld({ legacy: [ANN, { ...ANN, uid: 8 }] })
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
    expect(world.findings()).toEqual(['legacy duplicate-login'])
  })

  it('does not let the password of one user open the account of another', async () => {
    const world = createWorld({ legacy: [ANN], target: [{ uid: 9, login: ANN.login, hash: bcryptHash('stranger') }] })
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'stranger')).toMatchObject({ ok: true, uid: 9 })
    expect(world.findings()).toContain('target different-users')
  })

  it('reserves the logins of users who have not migrated', async () => {
    const world = createWorld({ legacy: [ANN] })
    expect(await world.auth.isReserved(ANN.login)).toBe(true)
    expect(await world.auth.isReserved('new@example.org')).toBe(false)
    world.down.add('legacy')
    await expect(world.auth.isReserved('new@example.org')).rejects.toMatchObject({ code: 'TWINSPAN_UNAVAILABLE' })
    world.down.add('target')
    await expect(world.auth.isReserved(ANN.login)).rejects.toThrow('does not answer')
  })
})

describe('A14 legacy still takes password changes', () => {
  const changed = { ...ANN, hash: bcryptHash('changed in legacy') }

  it('lets legacy decide once more when its hash changed since the upgrade', async () => {
    const world = await migrated()
    world.legacy.put(changed)
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'changed in legacy')).toEqual({
      ok: true,
      uid: 7,
      via: 'legacy',
      upgraded: true,
    })
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'changed in legacy')).toMatchObject({
      via: 'target',
      upgraded: false,
    })
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
  })

  it('holds when it was told, even while legacy is down', async () => {
    const world = await migrated()
    world.legacy.put(changed)
    expect(await world.auth.onLegacyPasswordChanged(7)).toEqual({ ok: true })
    world.down.add('legacy')
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(UNAVAILABLE)
    world.down.clear()
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'changed in legacy')).toMatchObject({
      ok: true,
      upgraded: true,
    })
  })

  it('says so when it could not take note', async () => {
    const world = await migrated()
    world.down.add('target')
    expect(await world.auth.onLegacyPasswordChanged(7)).toEqual(UNAVAILABLE)
  })

  it('ignores legacy once the bridge is closed', async () => {
    const world = await migrated()
    await world.auth.changePassword(ANN.login, 'correct horse', 'new password')
    world.legacy.put(changed)
    expect(await world.auth.onLegacyPasswordChanged(7)).toEqual({ ok: true })
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'changed in legacy')).toEqual(INVALID)
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'new password')).toMatchObject({ ok: true })
  })

  it('keeps the fingerprint across processes and restarts without a key of the application', async () => {
    const first = await migrated()
    const again = createShadowAuth({
      target: first.target,
      legacy: first.legacy,
      hash: argon2id(CHEAP),
      accepts: [bcrypt()],
    })
    expect(await again.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual({
      ok: true,
      uid: 7,
      via: 'target',
      upgraded: false,
    })
  })

  it('tells nothing of the legacy hash in the fingerprint', async () => {
    const prints = await Promise.all(
      ['a key of sixteen bytes', 'another key of 16 b'].map(async (fingerprintKey) => {
        const { target } = await migrated({ fingerprintKey })
        return (await target.findByUid(7))?.bridge.fingerprint
      }),
    )
    expect(prints[0]).not.toEqual(prints[1])
    expect(prints[0]).toMatch(/^[\w-]{43}$/)
  })

  it('closes the bridge at the upgrade when it is told to', async () => {
    const world = await migrated({ bridge: { closeOn: 'upgrade' } })
    world.legacy.put(changed)
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'changed in legacy')).toEqual(INVALID)
    expect(world.asked.filter((call) => call.startsWith('legacy'))).toEqual([])
  })
})

describe('a legacy hash that a copy put into the target', () => {
  it('is verified and upgraded there', async () => {
    const { auth, target } = createWorld({ legacy: [ANN], target: [ANN] })
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual({
      ok: true,
      uid: 7,
      via: 'target',
      upgraded: true,
    })
    expect(target.accounts.get('7')?.hash).toMatch(/^\$argon2id\$/)
  })

  it('gives way to a newer one in legacy', async () => {
    const { auth } = createWorld({ legacy: [{ ...ANN, hash: bcryptHash('newer') }], target: [ANN] })
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
    expect(await auth.verifyAndUpgrade(ANN.login, 'newer')).toMatchObject({ via: 'legacy', upgraded: true })
  })
})

describe('a user whom only the target knows', () => {
  it('is verified and upgraded there', async () => {
    const { auth } = createWorld({ target: [ANN] })
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual({
      ok: true,
      uid: 7,
      via: 'target',
      upgraded: true,
    })
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual({
      ok: true,
      uid: 7,
      via: 'target',
      upgraded: false,
    })
  })

  it('gets a stronger hash when the policy was raised', async () => {
    const world = await migrated()
    const stronger = createShadowAuth({
      target: world.target,
      legacy: world.legacy,
      hash: argon2id({ ...CHEAP, t: 2 }),
      accepts: [phpass()],
    })
    expect(await stronger.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual({
      ok: true,
      uid: 7,
      via: 'target',
      upgraded: true,
    })
    expect(world.target.accounts.get('7')?.hash).toContain('t=2')
    expect((await world.target.findByUid(7))?.bridge.state).toBe('open')
  })

  it.each([
    ['row', undefined],
    ['hash', null],
  ])('keeps the password when legacy has erased its %s, whenever it did', async (_what, hash) => {
    for (const when of ['before', 'during'] as const) {
      const world = await migrated()
      const erase = (): void => {
        if (hash === undefined) world.legacy.accounts.delete('7')
        else world.legacy.put({ ...ANN, hash })
      }
      if (when === 'before') erase()
      const replace = world.target.replaceHash.bind(world.target)
      world.target.replaceHash = async (...args) => {
        erase()
        return replace(...args)
      }
      const stronger = createShadowAuth({
        target: world.target,
        legacy: world.legacy,
        hash: argon2id({ ...CHEAP, t: 2 }),
        accepts: [bcrypt()],
      })
      for (const upgraded of [true, false]) {
        expect(await stronger.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ via: 'target', upgraded })
      }
      expect(await stronger.verifyAndUpgrade(ANN.login, 'wrong')).toEqual(INVALID)
    }
  })

  it('works without a legacy store', async () => {
    const { target } = createWorld({ target: [ANN] })
    const auth = createShadowAuth({ target, hash: argon2id(CHEAP), accepts: [bcrypt()] })
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ ok: true, upgraded: true })
    expect(await auth.resetPassword(7, 'new password')).toEqual({ ok: true, uid: 7 })
    expect(await auth.verifyAndUpgrade(ANN.login, 'new password')).toMatchObject({ ok: true, via: 'target' })
  })
})

describe('a locked account', () => {
  it.each(['legacy', 'target'] as const)('is told so with the right password only (%s)', async (side) => {
    const { auth, target } = createWorld({ [side]: [{ ...ANN, locked: true }] })
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual({ ok: false, reason: 'locked' })
    expect(await auth.verifyAndUpgrade(ANN.login, 'wrong')).toEqual(INVALID)
    if (side === 'legacy') expect(target.accounts.size).toBe(0)
  })
})

describe('a forgotten password', () => {
  it('is found and reset for a user who has not migrated', async () => {
    const { auth } = createWorld({ legacy: [ANN] })
    expect(await auth.findForReset(ANN.login)).toEqual({ ok: true, uid: 7, login: ANN.login, via: 'legacy' })
    expect(await auth.findForReset('nobody@example.org')).toEqual(INVALID)
    expect(await auth.resetPassword(7, 'new password')).toEqual({ ok: true, uid: 7 })
    expect(await auth.findForReset(ANN.login)).toMatchObject({ via: 'target' })
    expect(await auth.resetPassword(99, 'new password')).toEqual(INVALID)
  })

  it('does not find a user under a login that the target has given up', async () => {
    const world = await migrated()
    world.target.put({ uid: 7, login: 'ann@new.example.org', hash: world.target.accounts.get('7')?.hash ?? null })
    expect(await world.auth.findForReset(ANN.login)).toEqual(INVALID)
  })
})

describe('a changed password', () => {
  it('needs the current one, whichever store holds it', async () => {
    for (const world of [createWorld({ legacy: [ANN] }), await migrated()]) {
      expect(await world.auth.changePassword(ANN.login, 'wrong', 'new password')).toEqual(INVALID)
      expect(await world.auth.changePassword(ANN.login, 'correct horse', 'new password')).toEqual({ ok: true, uid: 7 })
      expect(await world.auth.verifyAndUpgrade(ANN.login, 'new password')).toMatchObject({ ok: true, via: 'target' })
    }
  })

  it('survives an upgrade that comes in between', async () => {
    const world = createWorld({ legacy: [ANN] })
    const mark = world.legacy.closeBridge.bind(world.legacy)
    world.legacy.closeBridge = async (uid) => {
      world.legacy.closeBridge = mark
      expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ upgraded: true })
      await mark(uid)
    }
    expect(await world.auth.changePassword(ANN.login, 'correct horse', 'new password')).toEqual({ ok: true, uid: 7 })
    expect(await world.auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual(INVALID)
  })
})
