import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import {
  defineEntity,
  type EntityStore,
  InvalidOptionError,
  isPhase,
  numberOption,
  otherSide,
  PHASES,
  PLANS,
  redact,
  StalePhaseError,
  sleep,
  stepsBetween,
  translateRow,
  within,
} from '../src/index.ts'

describe('PLANS', () => {
  it('has one row per phase, and swaps the primary once', () => {
    expect(Object.keys(PLANS)).toEqual([...PHASES])
    const swaps = PHASES.filter(
      (phase, index) => index > 0 && PLANS[phase].primary !== PLANS[PHASES[index - 1]!].primary,
    )
    expect(swaps).toEqual(['target-primary'])
  })

  it.each(PHASES)('never mirrors to the primary, nor without capture, in %s', (phase) => {
    const { primary, mirrorsTo, captures } = PLANS[phase]
    expect(mirrorsTo === null || mirrorsTo === otherSide(primary)).toBe(true)
    expect(mirrorsTo === null || captures).toBe(true)
  })

  it('captures for one phase before anything is mirrored', () => {
    const first = PHASES.find((phase) => PLANS[phase].captures)
    expect(first).toBe('capture')
    expect(PLANS[first!].mirrorsTo).toBeNull()
  })

  it('counts steps along the road', () => {
    expect([stepsBetween('off', 'capture'), stepsBetween('canary', 'off'), isPhase('canary'), isPhase('next')]).toEqual(
      [1, -4, true, false],
    )
  })
})

describe('options', () => {
  it.each([
    [5, {}, 5],
    [undefined, {}, 1],
  ])('takes %s', (value, bounds, expected) => {
    expect(numberOption('x', value, 1, bounds)).toBe(expected)
  })

  it.each([
    [Number.NaN, {}, 'a number'],
    ['7', {}, 'a number'],
    [1.5, { integer: true }, 'an integer'],
    [0, { min: 1 }, 'of at least 1'],
    [9, { min: 1, max: 5 }, 'from 1 to 5'],
    [9, { max: 5 }, 'of at most 5'],
  ])('refuses %s under %j, with the name of the option', (value, bounds, expected) => {
    const refused = (): number => numberOption('retries', value as number, 1, bounds)
    expect(refused).toThrow(InvalidOptionError)
    expect(refused).toThrow(/retries/)
    expect(refused).toThrow(expected)
  })
})

describe('redact', () => {
  it('keeps class, code and constraint of a driver error, and none of its words', () => {
    const error = Object.assign(new Error('Key (email)=(alice@example.org) already exists.'), {
      code: '23505',
      constraint: 'users_email_key',
      detail: 'alice@example.org',
    })
    expect(redact(error)).toBe('Error (23505, users_email_key)')
    expect(redact('alice@example.org')).toBe('a string')
    expect(redact(new StalePhaseError('legacy', 'it is not the primary'))).toContain('it is not the primary')
  })
})

describe('time', () => {
  it('sleeps until the signal aborts, with its reason', async () => {
    const reason = new Error('enough')
    const stop = new AbortController()
    const waiting = sleep(60_000, stop.signal)
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(sleep(1, stop.signal)).rejects.toBe(reason)
    await sleep(1)
  })

  it('gives up on what hangs, and leaves no unhandled rejection of what fails late', async () => {
    let fail = (_: Error): void => {}
    const late = new Promise<never>((_, reject) => {
      fail = reject
    })
    await expect(within(5, 'the target', () => late)).rejects.toMatchObject({ code: 'TWINSPAN_TIMEOUT' })
    fail(new Error('late'))
    await turn()
  })

  it('passes results and errors on, synchronous throws included', async () => {
    const mine = new Error('mine')
    expect(await within(1_000, 'x', async () => 7)).toBe(7)
    await expect(
      within(1_000, 'x', () => {
        throw mine
      }),
    ).rejects.toBe(mine)
  })
})

describe('defineEntity', () => {
  const store: EntityStore<{ id: number }> = {
    load: async () => [],
    scan: async () => [],
    save: async () => {},
    remove: async () => {},
  }
  const same = (row: { id: number }): { id: number } => row

  it('takes any four functions for a store, with `id` for the key', () => {
    const entity = defineEntity({ name: 'things', legacy: store, target: store, toTarget: same, toLegacy: same })
    expect([entity.keyTextOf('legacy', { id: 7 }), entity.keyOfText('7')]).toEqual(['7', '7'])
  })

  it.each([
    [{ name: '' }, 'name'],
    [{ toTarget: undefined }, 'toTarget'],
    [{ toLegacy: 7 }, 'toLegacy'],
    [{ legacy: { ...store, load: undefined } }, 'legacy.load'],
    [{ target: undefined }, 'target.load'],
    [{ target: { ...store, keyParts: 2 } }, 'target.keyParts'],
  ])('names what is wrong with %j', (wrong, option) => {
    const options = { name: 'things', legacy: store, target: store, toTarget: same, toLegacy: same, ...wrong }
    expect(() => defineEntity(options as never)).toThrow(expect.objectContaining({ option }))
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('alice@example.org')
      },
    ],
    ['gives no row', () => 7],
    ['gives nothing', () => undefined],
    ['loses the key', () => ({})],
    ['changes the key', () => ({ id: 8 })],
  ])('reports a translation that %s, without the row', (_, toTarget) => {
    const entity = defineEntity({
      name: 'things',
      legacy: store,
      target: store,
      toTarget: toTarget as never,
      toLegacy: same,
    })
    let thrown: unknown
    try {
      translateRow(entity, 'legacy', { id: 7 })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'TWINSPAN_TRANSLATION', entity: 'things' })
    expect(String(thrown)).not.toContain('alice')
  })
})
