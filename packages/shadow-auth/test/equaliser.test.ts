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

  it('at the cost that most legacy hashes turn out to have', async () => {
    const { auth, log, legacy } = await watched()
    for (const uid of [11, 12, 13]) legacy.put({ uid, login: `php ${uid}`, hash: PHPASS })
    for (const uid of [11, 12, 13]) await auth.verifyAndUpgrade(`php ${uid}`, 'wrong')
    log.length = 0
    await auth.verifyAndUpgrade('nobody', 'wrong')
    expect(log.toSorted()).toEqual([CURRENT, 'phpass {"log2":11}'])
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
