import type { CredentialStore } from '@twinspan/core'
import { memoryCredentials } from '@twinspan/core/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createShadowAuth, type ShadowAuthOptions, wrapInactive } from '../src/index.ts'
import { toyHash, toyHasher } from './support.ts'

const UID = 1
const LOGIN = 'ann@example.org'
const NEVER = Number.POSITIVE_INFINITY

type Side = 'legacy' | 'target'

/** What a user, an application or fate does. Passwords are numbers; `0` is the first. */
type Action = { readonly crashAfter: number } & (
  | { readonly kind: 'login'; readonly password: number }
  | { readonly kind: 'change'; readonly current: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'legacy-change' }
  | { readonly kind: 'wrap' }
  | { readonly kind: 'outage'; readonly side: Side; readonly steps: number }
)

interface Setting {
  readonly start: 'unmigrated' | 'migrated' | 'copied' | 'empty'
  readonly closeOn: 'change' | 'upgrade'
  /** Whether the bridge closes for those who never came. Then an owner may be refused, and still no old password works. */
  readonly closing: 'force-reset' | 'silo' | undefined
  /** `told`: the application tells of changes in legacy, and stores may fail. `silent`: it does not, and they work. */
  readonly mode: 'told' | 'silent'
}

/** A password that was set, or may have been. Ids count up, so that no two writes set the same. */
interface Write {
  readonly password: number
  readonly startedAt: number
  endedAt: number
  /** Whether it was reported as a success. */
  sure: boolean
}

interface Login {
  readonly password: number
  readonly startedAt: number
  readonly endedAt: number
  readonly outcome: string
  readonly outage: boolean
}

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('login' as const), password: fc.nat(4), crashAfter: crash() }),
  fc.record({ kind: fc.constant('login' as const), password: fc.constant(0), crashAfter: crash() }),
  fc.record({ kind: fc.constant('change' as const), current: fc.nat(2), crashAfter: crash() }),
  fc.record({ kind: fc.constant('reset' as const), crashAfter: crash() }),
  fc.record({ kind: fc.constant('legacy-change' as const), crashAfter: crash() }),
  fc.record({ kind: fc.constant('wrap' as const), crashAfter: crash() }),
  fc.record({
    kind: fc.constant('outage' as const),
    side: fc.constantFrom<Side>('legacy', 'target'),
    steps: fc.nat(40),
    crashAfter: fc.constant(NEVER),
  }),
)

/** What happens at once. Batches follow each other. */
const batch = fc.array(action, { minLength: 1, maxLength: 5 })

const setting: fc.Arbitrary<Setting> = fc.record({
  start: fc.constantFrom('unmigrated', 'migrated', 'copied', 'empty'),
  closeOn: fc.constantFrom('change', 'upgrade'),
  closing: fc.constantFrom(undefined, undefined, undefined, 'force-reset', 'silo'),
  mode: fc.constantFrom('told', 'silent'),
})

describe('any interleaving of logins, changes, resets, changes in legacy, wrapped hashes, crashes and outages', () => {
  it('lets only the last password in, and never locks its owner out', { timeout: 120_000 }, async () => {
    await fc.assert(fc.asyncProperty(fc.scheduler(), setting, fc.array(batch, { minLength: 1, maxLength: 3 }), run), {
      numRuns: Number(process.env['TWINSPAN_RUNS'] ?? 600),
    })
  })
})

async function run(
  scheduler: fc.Scheduler,
  { start, closeOn, closing, mode }: Setting,
  batches: readonly (readonly Action[])[],
): Promise<void> {
  let clock = 0
  const tick = (): number => ++clock
  const down = new Map<Side, number>()
  const outages: { from: number; to: number }[] = []
  const writes: Write[] = [{ password: 0, startedAt: 0, endedAt: 0, sure: true }]
  const logins: Login[] = []
  let upgrades = 0

  const first = await toyHash('password 0', 'old')
  const account = { uid: UID, login: LOGIN, hash: first }
  const legacy = memoryCredentials({ accounts: [account] })
  const target = memoryCredentials({
    accounts: start === 'copied' ? [account] : start === 'empty' ? [{ ...account, hash: null }] : [],
  })

  /** A store as one process sees it: every step is the scheduler's, and at the chosen one the process dies. */
  const seenBy = (side: Side, store: CredentialStore, step: () => Promise<void>): CredentialStore =>
    new Proxy(store, {
      get: (whole, name) => {
        const method = Reflect.get(whole, name) as unknown
        if (typeof method !== 'function') return method
        return async (...args: unknown[]) => {
          await step()
          if (down.has(side)) throw new Error('down')
          const result: unknown = await Reflect.apply(method, whole, args)
          await step()
          // The answer can be lost after the work was done.
          if (down.has(side)) throw new Error('down')
          return result
        }
      },
    })
  const options = {
    hash: toyHasher(),
    accepts: [toyHasher('old')],
    bridge: { closeOn, ...(closing === undefined ? {} : { closing }) },
    equalise: false,
    admission: { permits: 100 },
    fingerprintKey: 'a key of sixteen bytes',
    timeoutMs: 5_000,
  } as const
  const calm = createShadowAuth({ ...options, legacy, target })

  if (start === 'migrated') {
    const before = createShadowAuth({ ...options, bridge: { closeOn }, legacy, target })
    expect(await before.verifyAndUpgrade(LOGIN, 'password 0')).toMatchObject({ ok: true, upgraded: true })
  }

  let passwords = 0
  const write = (): Write => {
    const made = { password: ++passwords, startedAt: tick(), endedAt: NEVER, sure: false }
    writes.push(made)
    return made
  }
  const end = (made: Write, outcome: { ok: boolean; reason?: string }): void => {
    made.endedAt = tick()
    made.sure = outcome.ok
    const excused = outages.some(({ from, to }) => from < made.endedAt && to > made.startedAt)
    if (outcome.reason === 'unavailable') expect(excused, 'a change gives up without an outage').toBe(true)
    // Refused for what it was: then nothing was written. Anything else may have been.
    if (!outcome.ok && outcome.reason !== 'unavailable') writes.splice(writes.indexOf(made), 1)
  }

  const perform = async (one: Action): Promise<void> => {
    if (one.kind === 'outage') {
      if (mode === 'silent') return
      await scheduler.schedule(Promise.resolve(), `${one.side} down`)
      const outage = { from: tick(), to: NEVER }
      outages.push(outage)
      down.set(one.side, (down.get(one.side) ?? 0) + 1)
      for (let left = one.steps; left > 0; left--) await scheduler.schedule(Promise.resolve(), `${one.side} still down`)
      const others = (down.get(one.side) ?? 1) - 1
      if (others === 0) down.delete(one.side)
      else down.set(one.side, others)
      outage.to = tick()
      return
    }
    await scheduler.schedule(Promise.resolve(), `${one.kind} begins`)
    let died = (): void => {}
    const dead = new Promise<void>((resolve) => {
      died = resolve
    })
    let steps = 0
    const step = async (): Promise<void> => {
      if (++steps > one.crashAfter) {
        died()
        await new Promise(() => {})
      }
      await scheduler.schedule(Promise.resolve(), one.kind)
    }
    const seen = { ...options, legacy: seenBy('legacy', legacy, step), target: seenBy('target', target, step) }
    await Promise.race([dead, one.kind === 'wrap' ? wrapAll(seen) : act(one, createShadowAuth(seen))])
  }

  const wrapAll = async (seen: ShadowAuthOptions): Promise<void> => {
    try {
      for await (const progress of wrapInactive(seen, { maxShare: 1 })) expect(progress.seen).toBe(1)
    } catch (error) {
      expect(error).toMatchObject({ code: 'TWINSPAN_UNAVAILABLE' })
      expect(outages.length, 'the job gives up without an outage').toBeGreaterThan(0)
    }
  }

  const act = async (one: Exclude<Action, { kind: 'outage' | 'wrap' }>, auth: typeof calm): Promise<void> => {
    if (one.kind === 'login') {
      const startedAt = tick()
      const verdict = await auth.verifyAndUpgrade(LOGIN, `password ${one.password}`)
      const endedAt = tick()
      const outage = outages.some(({ from, to }) => from < endedAt && to > startedAt)
      logins.push({ password: one.password, startedAt, endedAt, outcome: verdict.ok ? 'ok' : verdict.reason, outage })
      if (verdict.ok && verdict.upgraded) upgrades++
      return
    }
    if (one.kind === 'change') {
      const made = write()
      end(made, await auth.changePassword(LOGIN, `password ${one.current}`, `password ${made.password}`))
      return
    }
    if (one.kind === 'reset') {
      const made = write()
      end(made, await auth.resetPassword(UID, `password ${made.password}`))
      return
    }
    // An application offers no change in legacy once it has moved the changes of passwords over, or closed all bridges.
    if (
      batches.flat().some(({ kind }) => kind === 'change' || kind === 'reset') ||
      closeOn === 'upgrade' ||
      (closing === 'silo' && mode === 'silent') ||
      down.has('legacy')
    )
      return
    const made = write()
    legacy.put({ ...account, hash: await toyHash(`password ${made.password}`, 'old') })
    end(made, mode === 'silent' ? { ok: true } : await auth.onLegacyPasswordChanged(UID))
  }

  for (const actions of batches) {
    await scheduler.waitFor(Promise.all(actions.map(perform)))
  }

  for (const login of logins) judge(login, writes, closing)
  const works: number[] = []
  for (const { password } of writes) {
    const startedAt = tick()
    const verdict = await calm.verifyAndUpgrade(LOGIN, `password ${password}`)
    const outcome = verdict.ok ? 'ok' : verdict.reason
    judge({ password, startedAt, endedAt: tick(), outcome, outage: false }, writes, closing)
    if (verdict.ok) works.push(password)
  }
  if (closing === undefined) expect(works).toHaveLength(1)
  else expect(works.length).toBeLessThan(2)
  // Every write can be followed by one upgrade; more would be logins that undo each other.
  expect(upgrades).toBeLessThanOrEqual(writes.length)
}

/** Whether the verdict of a login can be explained by some order of the writes that respects what ended before what began. */
function judge(login: Login, writes: readonly Write[], closing: Setting['closing']): void {
  const own = writes.find(({ password }) => password === login.password)
  const wasReplaced = (by: Write): boolean =>
    own !== undefined && by !== own && by.sure && own.endedAt < by.startedAt && by.endedAt < login.startedAt
  const mayBeReplaced = (by: Write): boolean =>
    own !== undefined && by !== own && by.endedAt > own.startedAt && by.startedAt < login.endedAt
  // That it is right is all that this one tells.
  if (login.outcome === 'ok' || login.outcome === 'reset-required') {
    if (login.outcome === 'reset-required') expect(closing).toBe('force-reset')
    expect(own, 'a password that nobody set').toBeDefined()
    expect(own?.startedAt, 'a password that was not set yet').toBeLessThan(login.endedAt)
    expect(writes.some(wasReplaced), 'an old password').toBe(false)
  } else if (login.outcome === 'invalid') {
    const current = own?.sure === true && own.endedAt < login.startedAt && !writes.some(mayBeReplaced)
    if (closing === undefined) expect(current, 'the owner is locked out').toBe(false)
  } else {
    expect(login.outcome).toBe('unavailable')
    expect(login.outage, 'unavailable without an outage').toBe(true)
  }
}

function crash(): fc.Arbitrary<number> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(NEVER) }, { weight: 1, arbitrary: fc.nat(12) })
}
