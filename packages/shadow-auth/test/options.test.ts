import { createEvents } from '@twinspan/core'
import { memoryCredentials } from '@twinspan/core/testing'
import { describe, expect, it } from 'vitest'
import { argon2id, bcrypt, createAdmission, createShadowAuth, type ShadowAuthOptions } from '../src/index.ts'
import { bcryptHash, CHEAP, createWorld } from './support.ts'

const GOOD: ShadowAuthOptions = {
  target: memoryCredentials(),
  legacy: memoryCredentials(),
  hash: argon2id(CHEAP),
  accepts: [bcrypt()],
}
const ANN = { uid: 7, login: 'ann@example.org', hash: bcryptHash('correct horse') }

describe('options', () => {
  it.each<[string, object]>([
    ['target', { target: undefined }],
    ['target', { target: { find: () => [] } }],
    ['legacy', { legacy: {} }],
    ['hash', { hash: bcrypt() }],
    ['accepts', { accepts: bcrypt() }],
    ['accepts', { accepts: ['bcrypt'] }],
    ['bridge.closeOn', { bridge: { closeOn: 'never' } }],
    ['bridge.closing', { bridge: { closing: 'slowly' } }],
    ['candidates', { candidates: ['trim'] }],
    ['unicode', { unicode: 'nfkd' }],
    ['equalise.floorMs', { equalise: { floorMs: -1 } }],
    ['admission.permits', { admission: { permits: 0 } }],
    ['admission.queue', { admission: { queue: 1.5 } }],
    ['limits.bcryptCost', { limits: { bcryptCost: Number.NaN } }],
    ['fingerprintKey', { fingerprintKey: '' }],
    ['timeoutMs', { timeoutMs: 0 }],
  ])('names %s when it cannot be meant', (option, change) => {
    expect(() => createShadowAuth({ ...GOOD, ...change } as ShadowAuthOptions)).toThrow(
      expect.objectContaining({ code: 'TWINSPAN_INVALID_OPTION', option }),
    )
  })

  it.each([{ m: 4 }, { t: 0 }, { p: 0 }, { saltBytes: 4 }, { tagBytes: 8 }])('argon2id refuses %j', (policy) => {
    expect(() => argon2id(policy)).toThrow(`Option ${Object.keys(policy)[0]} takes`)
  })
})

describe('events', () => {
  it('tells each verdict by its side, its scheme and its outcome', async () => {
    const { auth, events, down } = createWorld({ legacy: [ANN] })
    await auth.verifyAndUpgrade(ANN.login, 'wrong')
    await auth.verifyAndUpgrade(ANN.login, 'correct horse')
    await auth.verifyAndUpgrade(ANN.login, 'correct horse')
    await auth.resetPassword(7, 'new password')
    down.add('target').add('legacy')
    await auth.verifyAndUpgrade(ANN.login, 'new password')
    expect(events.filter(({ type }) => type === 'auth')).toEqual([
      { type: 'auth', via: 'legacy', scheme: 'bcrypt', upgraded: false, outcome: 'invalid' },
      { type: 'auth', via: 'legacy', scheme: 'bcrypt', upgraded: true, outcome: 'ok' },
      { type: 'auth', via: 'target', scheme: 'argon2id', upgraded: false, outcome: 'ok' },
      { type: 'auth', via: 'target', scheme: 'argon2id', upgraded: true, outcome: 'changed' },
      { type: 'auth', via: 'none', scheme: 'none', upgraded: false, outcome: 'unavailable' },
    ])
  })

  it('finds a hash that asks for too much, and one of a scheme that is not accepted', async () => {
    const bomb = '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
    const { auth, findings } = createWorld({
      legacy: [
        { ...ANN, hash: bomb },
        { uid: 8, login: 'bob', hash: '$1$28772684$iEwNOgGugqO9.bIz5sk8k/' },
      ],
    })
    expect(await auth.verifyAndUpgrade(ANN.login, 'x')).toEqual({ ok: false, reason: 'invalid' })
    expect(await auth.verifyAndUpgrade('bob', 'hashcat')).toEqual({ ok: false, reason: 'invalid' })
    expect(findings()).toEqual(['legacy costly-hash', 'legacy unsupported-hash'])
  })

  it('go to the events of a migration, and no listener can change a verdict', async () => {
    const events = createEvents()
    const outcomes: string[] = []
    events.on('auth', ({ outcome }) => {
      outcomes.push(outcome)
      throw new Error('a bad listener')
    })
    const { auth } = createWorld({ legacy: [ANN] }, { telemetry: events })
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ ok: true })
    expect(outcomes).toEqual(['ok'])
  })
})

describe('the gate', () => {
  it('answers busy, and shares a gate that it is given', async () => {
    const admission = createAdmission({ permits: 1, queue: 0 })
    const { auth } = createWorld({ legacy: [ANN] }, { admission })
    let finish = (): void => {}
    const holding = admission.run(
      'elsewhere',
      () =>
        new Promise<void>((resolve) => {
          finish = resolve
        }),
    )
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toEqual({
      ok: false,
      reason: 'busy',
      retryAfterMs: expect.any(Number),
    })
    expect(await auth.resetPassword(7, 'new password')).toEqual({
      ok: false,
      reason: 'busy',
      retryAfterMs: expect.any(Number),
    })
    expect(await auth.verifyAndUpgrade(null, null)).toEqual({
      ok: false,
      reason: 'busy',
      retryAfterMs: expect.any(Number),
    })
    finish()
    await holding
    expect(await auth.verifyAndUpgrade(ANN.login, 'correct horse')).toMatchObject({ ok: true })
  })
})
