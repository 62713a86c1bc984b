import { describe, expect, it } from 'vitest'
import { argon2id, calibrate, needsUpgrade } from '../src/index.ts'

/** A machine on which a pass over a MiB takes so long. */
const machine = (msPerMiB: number, asked: string[] = []) => ({
  measure: async ({ m, t, p }: { m: number; t: number; p: number }) => {
    asked.push(`m=${m},t=${t},p=${p}`)
    return ((m * t) / 1_024) * msPerMiB
  },
})

describe('calibrate', () => {
  it('takes as much memory as the target allows, then as many passes', async () => {
    expect(await calibrate({ targetMs: 50, ...machine(0.5) })).toEqual({
      m: 65_536,
      t: 1,
      p: 1,
      ms: 32,
      meetsTarget: true,
    })
    expect(await calibrate({ targetMs: 100, ...machine(0.5) })).toMatchObject({ m: 65_536, t: 3, ms: 96 })
    expect(await calibrate({ targetMs: 100, memory: 20_000, ...machine(0.5) })).toMatchObject({ m: 19_456, t: 10 })
  })

  it.each([
    [30, { m: 47_104, t: 1 }],
    [21, { m: 19_456, t: 2 }],
    [18.5, { m: 12_288, t: 3 }],
  ])('goes down what OWASP recommends until it takes %s ms', async (targetMs, expected) => {
    expect(await calibrate({ targetMs, ...machine(0.5) })).toMatchObject({ ...expected, meetsTarget: true })
  })

  it('never proposes less than OWASP recommends, and says so', async () => {
    const slow = await calibrate({ targetMs: 1, ...machine(10) })
    expect(slow).toMatchObject({ m: 7_168, t: 5, meetsTarget: false })
    expect(slow.ms).toBeGreaterThan(1)
  })

  it('believes what it measured, not what it reckoned', async () => {
    const asked: string[] = []
    const { measure } = machine(0.5, asked)
    // Each pass after the first takes twice as long here.
    const result = await calibrate({
      targetMs: 200,
      measure: async (params) => (await measure(params)) * (params.t === 1 ? 1 : 1.5),
    })
    expect(result).toMatchObject({ m: 65_536, t: 4, ms: 192 })
    expect(asked).toEqual(['m=65536,t=1,p=1', 'm=65536,t=6,p=1', 'm=65536,t=5,p=1', 'm=65536,t=4,p=1'])
  })

  it('measures this machine, and proposes what argon2id takes', async () => {
    const { m, t, p, ms } = await calibrate({ targetMs: 5, memory: 7_168 })
    expect({ m, p }).toEqual({ m: 7_168, p: 1 })
    expect(t).toBeGreaterThanOrEqual(5)
    expect(ms).toBeGreaterThan(0)
    expect(needsUpgrade(await argon2id({ m, t, p }).hash(Buffer.from('password')), { m, t, p })).toBe(false)
  })

  it.each([[{ targetMs: 0 }], [{ memory: 1_000 }], [{ p: 0 }]])(
    'refuses %o with the name of the option',
    async (bad) => {
      await expect(calibrate(bad)).rejects.toThrow(Object.keys(bad)[0] ?? '')
    },
  )
})
