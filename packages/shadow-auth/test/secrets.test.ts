import { inspect } from 'node:util'
import { metrics, trace } from '@opentelemetry/api'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { argon2id, bcrypt, createShadowAuth } from '../src/index.ts'
import { bcryptHash, CHEAP, createWorld } from './support.ts'

const CANARY = 'canary-Пароль-7f3a'
const NEXT = 'second-canary-91bc'
const HASH = bcryptHash(CANARY)
const LOGIN = 'canary.login@example.org'

/** Everything that must not leave, in the encodings that it could leave in. */
const SECRETS = [CANARY, NEXT, HASH, LOGIN].flatMap((secret) => {
  const bytes = Buffer.from(secret)
  return [
    secret,
    bytes.toString('hex'),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    encodeURIComponent(secret),
    bytes.join(','),
  ]
})

describe('A12 no secret reaches any sink', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('not events, spans, errors, the console or a warning, whatever fails', async () => {
    const seen: unknown[] = []
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      vi.spyOn(console, method).mockImplementation((...args) => void seen.push(args))
    }
    vi.spyOn(process, 'emitWarning').mockImplementation((...args) => void seen.push(args))
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => seen.push(text) > 0)
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => seen.push(text) > 0)
    const span = new Proxy(
      {},
      {
        get:
          (_, name) =>
          (...args: unknown[]) =>
            void seen.push([name, args]),
      },
    )
    vi.spyOn(trace, 'getTracer').mockReturnValue({
      startActiveSpan: (...args: unknown[]) => {
        seen.push(args.slice(0, -1))
        return (args.at(-1) as (span: unknown) => unknown)(span)
      },
    } as never)
    vi.spyOn(metrics, 'getMeter')

    const leaky = Object.assign(new Error(`Key (mail)=(${LOGIN}) hash ${HASH} password ${CANARY}`), {
      detail: CANARY,
      parameters: [LOGIN, HASH, CANARY, NEXT],
    })
    for (const broken of [
      'nothing',
      'find',
      'findByUid',
      'insertIfAbsent',
      'replaceHash',
      'changeBridge',
      'closeBridge',
    ] as const) {
      for (const side of ['legacy', 'target'] as const) {
        const world = createWorld({ legacy: [{ uid: 7, login: LOGIN, hash: HASH }] })
        if (broken !== 'nothing') Object.assign(world[side], { [broken]: () => Promise.reject(leaky) })
        const calls = [
          () => world.auth.verifyAndUpgrade(LOGIN, CANARY),
          () => world.auth.verifyAndUpgrade(LOGIN, NEXT),
          () => world.auth.verifyAndUpgrade(LOGIN, [CANARY]),
          () => world.auth.changePassword(LOGIN, CANARY, NEXT),
          () => world.auth.resetPassword(7, NEXT),
          () => world.auth.findForReset('nobody'),
          () => world.auth.isReserved(LOGIN),
          () => world.auth.onLegacyPasswordChanged(7),
        ]
        for (const call of calls) seen.push(await call().catch((error: unknown) => [error, (error as Error).stack]))
        seen.push(world.events, inspect(world.auth, { depth: 9, showHidden: true }))
      }
    }
    vi.restoreAllMocks()

    expect(seen.length).toBeGreaterThan(100)
    const text = inspect(seen, {
      depth: Number.POSITIVE_INFINITY,
      maxArrayLength: null,
      maxStringLength: null,
      showHidden: true,
    })
    expect(text).toContain('unreachable')
    expect(text).toContain('twinspan.login')
    for (const secret of SECRETS) expect(text.includes(secret), `a sink holds ${SECRETS.indexOf(secret)}`).toBe(false)
  })

  it('keeps a fingerprint key that is too short out of the error', () => {
    const { target, legacy } = createWorld()
    const options = { target, legacy, hash: argon2id(CHEAP), accepts: [bcrypt()], fingerprintKey: 'tooshortsecret' }
    expect(() => createShadowAuth(options)).toThrow(/fingerprintKey takes at least 16 bytes/)
    expect(() => createShadowAuth(options)).not.toThrow(/tooshortsecret/)
  })
})
