import { describe, expect, it } from 'vitest'
import { bcryptHash, createWorld } from './support.ts'

const ANN = { uid: 7, login: 'ann@example.org', hash: bcryptHash('correct horse') }

describe('A11 input is checked before any look-up', () => {
  it.each<[string, unknown, unknown]>([
    ['a list as the password', ANN.login, ['correct horse']],
    ['an object as the password', ANN.login, { toString: () => 'correct horse' }],
    ['no password', ANN.login, undefined],
    ['an empty password', ANN.login, ''],
    ['a password of too many bytes', ANN.login, '\u{1F40E}'.repeat(257)],
    ['a lone surrogate in the password', ANN.login, 'correct \ud83d horse'],
    ['a lone surrogate in the login', 'ann\udc00@example.org', 'correct horse'],
    ['a list as the login', [ANN.login], 'correct horse'],
    ['an object as the login', { $gt: '' }, 'correct horse'],
    ['a zero in the login', `${ANN.login}\0`, 'correct horse'],
    ['a login of too many bytes', `${'a'.repeat(600)}@example.org`, 'correct horse'],
  ])('%s is invalid', async (_name, login, password) => {
    const { auth, asked } = createWorld({ legacy: [ANN] })
    expect(await auth.verifyAndUpgrade(login, password)).toEqual({ ok: false, reason: 'invalid' })
    expect(await auth.changePassword(login, password, 'new password')).toEqual({ ok: false, reason: 'invalid' })
    expect(asked).toEqual([])
  })

  it.each([['new'], 7, null, '', 'x'.repeat(1_025), 'lone \udc00'])(
    '%j is unacceptable as a new password',
    async (next) => {
      const { auth, asked } = createWorld({ legacy: [ANN] })
      expect(await auth.changePassword(ANN.login, 'correct horse', next)).toEqual({ ok: false, reason: 'unacceptable' })
      expect(await auth.resetPassword(7, next)).toEqual({ ok: false, reason: 'unacceptable' })
      expect(asked).toEqual([])
    },
  )

  it.each(['pässword', '\u{1F40E}\u{1F50B}', 'with a \0 inside', 'x'.repeat(1_024)])(
    'takes %j as it is',
    async (password) => {
      const { auth } = createWorld({ legacy: [{ ...ANN, hash: bcryptHash(password) }] })
      expect(await auth.verifyAndUpgrade(ANN.login, password)).toMatchObject({ ok: true, upgraded: true })
      expect(await auth.verifyAndUpgrade(ANN.login, password)).toMatchObject({ ok: true, via: 'target' })
    },
  )

  it('treats what a login is made of as data of the reset and of the sign-up as well', async () => {
    const { auth, asked } = createWorld({ legacy: [ANN] })
    expect(await auth.findForReset({ $ne: 1 })).toEqual({ ok: false, reason: 'invalid' })
    expect(await auth.isReserved(['x'])).toBe(true)
    expect(asked).toEqual([])
  })

  it('gives up with the reason of the signal', async () => {
    const { auth } = createWorld({ legacy: [ANN] })
    const signal = AbortSignal.abort(new Error('the client has gone'))
    await expect(auth.verifyAndUpgrade(ANN.login, 'correct horse', { signal })).rejects.toThrow('the client has gone')
  })
})
