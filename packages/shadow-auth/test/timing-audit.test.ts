import native from 'bcrypt'
import { describe, expect, it } from 'vitest'
import { argon2id, bcrypt, createShadowAuth, type ShadowAuthOptions, timingAudit } from '../src/index.ts'
import { ldapMd5 } from '../src/schemes/index.ts'
import { areaUnderCurve } from '../src/timing-audit.ts'
import { createWorld } from './support.ts'

const LONG = process.env['TWINSPAN_LONG'] === '1'

/** Every class of refusals that an attacker would like to tell apart. */
async function audit(equalise: ShadowAuthOptions['equalise']) {
  const hash = native.hashSync('right', 6)
  const { legacy, target } = createWorld({
    legacy: [
      { uid: 1, login: 'legacy-bcrypt', hash },
      { uid: 2, login: 'legacy-md5', hash: '{MD5}ktgxIYplMAT2bc0sw9FG7w==' },
      { uid: 3, login: 'migrated', hash },
      { uid: 4, login: 'closed', hash },
      { uid: 5, login: 'locked', hash, locked: true },
    ],
  })
  const auth = createShadowAuth({
    legacy,
    target,
    hash: argon2id({ m: 1_024, t: 1 }),
    accepts: [bcrypt(), ldapMd5()],
    ...(equalise === undefined ? {} : { equalise }),
  })
  await auth.verifyAndUpgrade('migrated', 'right')
  await auth.resetPassword(4, 'another')
  const refused = (name: string, login: unknown, password: unknown = 'wrong') => ({
    name,
    run: async () => {
      const verdict = await auth.verifyAndUpgrade(login, password)
      expect(verdict).toMatchObject({ ok: false, reason: name === 'locked' ? 'locked' : 'invalid' })
    },
  })
  return timingAudit(
    [
      refused('unknown', 'nobody'),
      ...['legacy-bcrypt', 'legacy-md5', 'migrated', 'closed'].map((login) => refused(login, login)),
      refused('locked', 'locked', 'right'),
      refused('oversize', 'legacy-bcrypt', 'x'.repeat(9_000)),
      refused('wrong type', 'legacy-bcrypt', ['right']),
    ],
    // With few samples two equal classes differ by chance: the bound is what chance does not reach.
    LONG ? { samples: 1_500 } : { samples: 80, warmUp: 10, tolerance: 0.2 },
  )
}

describe('A4 the time of a refusal', () => {
  it('tells no class from another', { timeout: 240_000 }, async () => {
    const { ok, pairs } = await audit(undefined)
    expect(pairs).toHaveLength(28)
    expect({ ok, worst: pairs[0] }).toMatchObject({ ok: true })
  })

  it('tells them apart without the equaliser, and the audit says so', { timeout: 240_000 }, async () => {
    const { ok, worst, medianMs } = await audit(false)
    expect(ok).toBe(false)
    expect(worst).toBeGreaterThan(0.4)
    expect(medianMs['unknown']).toBeLessThan(medianMs['migrated'] ?? 0)
  })
})

describe('the audit', () => {
  it.each<[string, number[], number[], number]>([
    ['a longer class', [3, 4, 5], [0, 1, 2], 1],
    ['a shorter one', [0, 1], [2, 3], 0],
    ['an equal one', [1, 1, 1], [1, 1], 0.5],
    // Mann and Whitney: 2 beats one of three, 4 two, and 3 draws with 3.
    ['a mixture', [2, 3, 4], [1, 3, 5], (1 + 1.5 + 2) / 9],
  ])('gives %s its area', (_name, a, b, area) => {
    expect(areaUnderCurve(a, b)).toBeCloseTo(area, 12)
  })

  it('runs the classes in turns, each round in another order, and forgets the first rounds', async () => {
    const order: string[] = []
    const classes = ['a', 'b', 'c'].map((name) => ({ name, run: async () => void order.push(name) }))
    const { pairs } = await timingAudit(classes, { samples: 30, warmUp: 4 })
    expect(order).toHaveLength(3 * 34)
    const rounds = Array.from({ length: 34 }, (_, at) => order.slice(at * 3, at * 3 + 3))
    for (const round of rounds) expect(round.toSorted()).toEqual(['a', 'b', 'c'])
    expect(new Set(rounds.map(String)).size).toBeGreaterThan(3)
    expect(pairs.map(({ classes: pair }) => pair.join()).toSorted()).toEqual(['a,b', 'a,c', 'b,c'])
  })

  it('names its options', async () => {
    await expect(timingAudit([], { samples: 1 })).rejects.toThrow('Option samples takes')
    await expect(timingAudit([], { tolerance: 1 })).rejects.toThrow('Option tolerance takes')
    expect(await timingAudit([])).toEqual({ ok: true, pairs: [], worst: 0, medianMs: {} })
  })
})
