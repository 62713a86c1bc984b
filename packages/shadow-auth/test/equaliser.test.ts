import { describe, expect, it } from 'vitest'
import { argon2id, bcrypt, type PasswordHasher, phpass } from '../src/index.ts'
import { bcryptHash, CHEAP, counted, createWorld } from './support.ts'

const PHPASS = '$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0'
const CURRENT = 'argon2id {"m":64,"t":1,"p":1}'
const LEGACY = 'bcrypt {"cost":4}'

async function watched(options: Parameters<typeof createWorld>[1] = {}) {
  const log: string[] = []
  const world = createWorld(
    {
      legacy: [
        { uid: 1, login: 'legacy', hash: bcryptHash('right') },
        { uid: 2, login: 'migrated', hash: bcryptHash('right') },
        { uid: 3, login: 'locked', hash: bcryptHash('right'), locked: true },
        { uid: 4, login: 'unreadable', hash: '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' },
        { uid: 5, login: 'empty', hash: null },
        { uid: 6, login: 'closed', hash: bcryptHash('right') },
      ],
    },
    {
      hash: counted(argon2id(CHEAP), log) as PasswordHasher,
      accepts: [counted(bcrypt(), log), counted(phpass(), log)],
      ...options,
    },
  )
  await world.auth.verifyAndUpgrade('migrated', 'right')
  await world.auth.resetPassword(6, 'other')
  log.length = 0
  return { ...world, log }
}

describe('A4 every failed login costs the same', () => {
  it.each<[string, unknown, unknown, string]>([
    ['an unknown login', 'nobody', 'wrong', 'invalid'],
    ['a legacy user', 'legacy', 'wrong', 'invalid'],
    ['a migrated user', 'migrated', 'wrong', 'invalid'],
    ['a user whose bridge is closed', 'closed', 'right', 'invalid'],
    ['a locked account with the right password', 'locked', 'right', 'locked'],
    ['a locked account with a wrong one', 'locked', 'wrong', 'invalid'],
    ['a hash that is refused', 'unreadable', 'wrong', 'invalid'],
    ['an account without a password', 'empty', 'wrong', 'invalid'],
    ['a password that is too long', 'legacy', 'x'.repeat(2_000), 'invalid'],
    ['a login that is no text', { $ne: null }, 'wrong', 'invalid'],
    ['a password that is a list', 'legacy', ['wrong'], 'invalid'],
  ])('one current and one legacy verification for %s', async (_name, login, password, reason) => {
    const { auth, log } = await watched()
    expect(await auth.verifyAndUpgrade(login, password)).toEqual({ ok: false, reason })
    expect(log.toSorted()).toEqual([CURRENT, LEGACY])
  })

  it('also while a store is down', async () => {
    const { auth, log, down } = await watched()
    down.add('target')
    expect(await auth.verifyAndUpgrade('migrated', 'wrong')).toEqual({ ok: false, reason: 'unavailable' })
    expect(log.toSorted()).toEqual([CURRENT, LEGACY])
  })

  it.each(['nobody', 'legacy', 'php', 'migrated', 'closed', null])(
    'every legacy hash that is common here is paid for by everybody (%s)',
    async (login) => {
      const { auth, log, legacy } = await watched()
      legacy.put({ uid: 11, login: 'php', hash: PHPASS })
      for (let count = 0; count < 3; count++) await auth.verifyAndUpgrade('php', 'wrong')
      log.length = 0
      await auth.verifyAndUpgrade(login, 'wrong')
      expect(log.toSorted()).toEqual([CURRENT, LEGACY, 'phpass {"log2":11}'])
    },
  )

  it('a legacy hash that hardly anybody has is not paid for by everybody', async () => {
    const { auth, log, legacy } = await watched()
    legacy.put({ uid: 11, login: 'php', hash: PHPASS })
    await auth.verifyAndUpgrade('php', 'wrong')
    for (let count = 0; count < 30; count++) await auth.verifyAndUpgrade('legacy', 'wrong')
    log.length = 0
    await auth.verifyAndUpgrade('nobody', 'wrong')
    expect(log.toSorted()).toEqual([CURRENT, LEGACY])
  })

  it.each(['nobody', 'legacy', 'migrated', 'closed', 'locked'])(
    'a password of several forms is paid for in each of them (%s)',
    async (login) => {
      const { auth, log } = await watched({ candidates: (password) => [password.trim(), password.toLowerCase()] })
      const password = login === 'locked' ? 'right ' : 'Wrong '
      await auth.verifyAndUpgrade(login, password)
      const forms = login === 'locked' ? 2 : 3
      expect(log.toSorted()).toEqual([...Array(forms).fill(CURRENT), ...Array(forms).fill(LEGACY)])
    },
  )

  it('a hash of ours at another cost is paid for beside the current one', async () => {
    const { auth, log, target } = await watched()
    target.put({ uid: 12, login: 'weaker', hash: await argon2id({ ...CHEAP, m: 8 }).hash(Buffer.from('right')) })
    await auth.verifyAndUpgrade('weaker', 'wrong')
    expect(log.toSorted()).toEqual([CURRENT, 'argon2id {"m":8,"t":1,"p":1}', LEGACY].toSorted())
  })

  it('costs nothing more for those who succeed', async () => {
    const { auth, log } = await watched()
    await auth.verifyAndUpgrade('legacy', 'right')
    expect(log).toEqual([LEGACY])
    log.length = 0
    await auth.verifyAndUpgrade('migrated', 'right')
    expect(log).toEqual([CURRENT])
  })

  it('does nothing of it when it is switched off', async () => {
    const { auth, log } = await watched({ equalise: false })
    await auth.verifyAndUpgrade('nobody', 'wrong')
    expect(log).toEqual([])
  })

  it('waits in place of a look-up that was not made', async () => {
    const { auth, legacy } = await watched()
    const find = legacy.find.bind(legacy)
    legacy.find = async (login) => {
      await new Promise((resolve) => setTimeout(resolve, 30))
      return find(login)
    }
    const took = async (login: unknown): Promise<number> => {
      const started = performance.now()
      expect(await auth.verifyAndUpgrade(login, 'wrong')).toMatchObject({ ok: false })
      return performance.now() - started
    }
    for (let count = 0; count < 20; count++) await took('nobody')
    // Legacy is not asked about the one, and nobody is asked about the other.
    expect(await took('closed')).toBeGreaterThan(29)
    expect(await took({})).toBeGreaterThan(29)
    const started = performance.now()
    expect(await auth.changePassword('closed', 'wrong', 'next')).toMatchObject({ ok: false })
    expect(performance.now() - started).toBeGreaterThan(29)
  })

  it('answers no failure before the floor', async () => {
    const { auth } = await watched({ equalise: { floorMs: 150 } })
    for (const [login, password] of [
      ['nobody', 'wrong'],
      ['migrated', 'wrong'],
      [null, null],
    ]) {
      const started = performance.now()
      await auth.verifyAndUpgrade(login, password)
      expect(performance.now() - started).toBeGreaterThan(145)
    }
  })
})
