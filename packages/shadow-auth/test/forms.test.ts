import { describe, expect, it } from 'vitest'
import { bcryptHash, createWorld } from './support.ts'

const INVALID = { ok: false, reason: 'invalid' }
const COMPOSED = 'caf\u00e9'
const DECOMPOSED = 'cafe\u0301'

function worldWith(hashed: string | Buffer, options: Parameters<typeof createWorld>[1] = {}) {
  return createWorld({ legacy: [{ uid: 7, login: 'ann', hash: bcryptHash(hashed) }] }, options)
}

describe('a password with accents', () => {
  it.each([
    [COMPOSED, DECOMPOSED],
    [DECOMPOSED, COMPOSED],
  ])('becomes one password, whichever way it is typed (%j)', async (hashed, other) => {
    const { auth } = worldWith(hashed)
    expect(await auth.verifyAndUpgrade('ann', hashed)).toMatchObject({ ok: true, upgraded: true })
    expect(await auth.verifyAndUpgrade('ann', other)).toMatchObject({ ok: true, via: 'target' })
    expect(await auth.verifyAndUpgrade('ann', hashed)).toMatchObject({ ok: true, via: 'target' })
  })

  it('is found by its composed form where legacy composed it', async () => {
    const { auth } = worldWith(COMPOSED)
    expect(await auth.verifyAndUpgrade('ann', DECOMPOSED)).toMatchObject({ ok: true, upgraded: true })
  })

  it.each(['change', 'reset'])('is one password after a %s', async (how) => {
    const { auth } = worldWith('old')
    if (how === 'change') await auth.changePassword('ann', 'old', DECOMPOSED)
    else await auth.resetPassword(7, DECOMPOSED)
    expect(await auth.verifyAndUpgrade('ann', COMPOSED)).toMatchObject({ ok: true })
    expect(await auth.verifyAndUpgrade('ann', DECOMPOSED)).toMatchObject({ ok: true })
  })

  it('stays as it was typed when it is told to', async () => {
    const { auth } = worldWith(DECOMPOSED, { unicode: 'as-typed' })
    expect(await auth.verifyAndUpgrade('ann', DECOMPOSED)).toMatchObject({ ok: true, upgraded: true })
    expect(await auth.verifyAndUpgrade('ann', COMPOSED)).toEqual(INVALID)
  })

  it('does not make look-alikes equal', async () => {
    const { auth } = worldWith('\ufb01sh')
    expect(await auth.verifyAndUpgrade('ann', 'fish')).toEqual(INVALID)
    expect(await auth.verifyAndUpgrade('ann', '\ufb01sh')).toMatchObject({ ok: true })
  })
})

describe('candidates', () => {
  it('let those in whose legacy system trimmed what it hashed, and go on doing so', async () => {
    const { auth } = worldWith('secret', { candidates: (password) => [password.trim()] })
    expect(await auth.verifyAndUpgrade('ann', ' secret ')).toMatchObject({ ok: true, upgraded: true })
    expect(await auth.verifyAndUpgrade('ann', 'secret')).toMatchObject({ ok: true, via: 'target' })
    expect(await auth.verifyAndUpgrade('ann', ' secret')).toMatchObject({ ok: true, via: 'target' })
    expect(await auth.verifyAndUpgrade('ann', 'sec ret')).toEqual(INVALID)
  })

  it('in another encoding are not needed any more once the hash is ours', async () => {
    const candidates = (password: string) => [Buffer.from(password, 'latin1')]
    const world = worldWith(Buffer.from(COMPOSED, 'latin1'), { candidates })
    expect(await world.auth.verifyAndUpgrade('ann', COMPOSED)).toMatchObject({ ok: true, upgraded: true })
    const without = createWorld({ target: [...world.target.accounts.values()] })
    expect(await without.auth.verifyAndUpgrade('ann', COMPOSED)).toMatchObject({ ok: true })
  })

  it('are not counted when there are too many, empty or too long', async () => {
    const { auth } = worldWith('fifth', { candidates: () => ['', 'x'.repeat(5_000), 'third', 'fourth', 'fifth'] })
    expect(await auth.verifyAndUpgrade('ann', 'typed')).toEqual(INVALID)
  })

  it('that throw are found, and the text itself is tried', async () => {
    const world = worldWith('secret', {
      candidates: () => {
        throw new Error('secret')
      },
    })
    expect(await world.auth.verifyAndUpgrade('ann', 'secret')).toMatchObject({ ok: true })
    expect(world.findings()).toContain('legacy candidates-failed')
  })
})
