import type { EntityStore, SweepRecord } from '@twinspan/core'
import type { MemoryTable } from '@twinspan/core/testing'
import { type Finding, reconcile, type SweepOptions } from '@twinspan/reconcile'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { member, tamper, toUser, type World, type WorldOptions, world } from './world.ts'

interface Swept {
  readonly findings: readonly Finding[]
  readonly record: SweepRecord
  /** Why every row was read. */
  readonly because: string | undefined
  /** How often rows of legacy were read. */
  readonly scans: number
}

/** What is done to the stores meanwhile, as the memory adapters name it. */
async function sweep(made: World & { readonly scanned: () => number }, options: SweepOptions = {}): Promise<Swept> {
  let because: string | undefined
  const before = made.scanned()
  const run = reconcile.sweep(made.migration, made.entity, {
    reveal: 'keys',
    onProgress: ({ readsRowsBecause }) => {
      because = readsRowsBecause
    },
    ...options,
  })
  const findings: Finding[] = []
  for (;;) {
    const step = await run.next()
    if (step.done === true) return { findings, record: step.value, because, scans: made.scanned() - before }
    findings.push(step.value)
  }
}

async function columned(
  count: number,
  options: WorldOptions = {},
): Promise<World & { readonly scanned: () => number }> {
  let scans = 0
  const made = await world(count, {
    columns: true,
    legacy: (members) => ({
      ...members,
      scan: (range, some) => {
        scans++
        return members.scan(range, some)
      },
    }),
    ...options,
  })
  return { ...made, scanned: () => scans }
}

/** A side that looks for one key at a time, as MySQL. */
function withoutCuts<Row extends object>({ keysAt: _, ...store }: MemoryTable<Row>): EntityStore<Row> {
  return store
}

const CUTS: readonly [string, WorldOptions][] = [
  ['the primary cuts the leaves', {}],
  ['the secondary cuts them', { legacy: withoutCuts }],
  ['neither finds many keys at once', { target: withoutCuts, legacy: withoutCuts }],
]

const keysOf = ({ findings }: Swept) =>
  findings.map(({ key, reason }) => [Number(key), reason]).sort((a, b) => Number(a[0]) - Number(b[0]))

describe('a sweep by digests', () => {
  it('leaves one digest over all leaves where both sides gave the same, and none where a row differed or rows were read', async () => {
    const made = await columned(3_000)
    const [first, again] = [(await sweep(made)).record, (await sweep(made)).record]
    expect(first.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(again.digest).toBe(first.digest)
    expect((await sweep(made, { digests: false })).record).not.toHaveProperty('digest')
    await tamper(made, () => made.users.save([{ ...toUser(member(7)), email: 'other@example.org' }]))
    expect((await sweep(made)).record).not.toHaveProperty('digest')
  })

  it('reads no rows but a few to try the translation, where both sides agree', async () => {
    const made = await columned(14_000)
    const { findings, record, because, scans } = await sweep(made)
    expect({ findings, because, scans }).toEqual({ findings: [], because: undefined, scans: 1 })
    expect(record).toMatchObject({ rows: 14_000, drift: 0, undecided: 0, parity: 1 })
  })

  it.each(CUTS)('finds what is missing, what differs and what is too much, where %s', async (_, options) => {
    const made = await columned(14_000, options)
    await tamper(made, async () => {
      await made.users.remove([1, 9_000, 14_000])
      await made.users.save([{ id: 12_345, email: 'M12345@example.org' }])
      await made.users.save([-5, 14_001, 30_000].map((id) => toUser(member(id))))
    })
    const swept = await sweep(made)
    expect(keysOf(swept)).toEqual([
      [-5, 'extra'],
      [1, 'missing'],
      [9_000, 'missing'],
      [12_345, 'case'],
      [14_000, 'missing'],
      [14_001, 'extra'],
      [30_000, 'extra'],
    ])
    expect(swept.record).toMatchObject({ rows: 14_003, drift: 7 })
    // Five places differ: the rows of so many parts are read.
    expect(swept.scans).toBeLessThan(20)
  })

  it('sees two rows that swap their values', async () => {
    const made = await columned(1_000)
    await tamper(made, async () => {
      await made.users.save([
        { id: 10, email: 'm11@example.org' },
        { id: 11, email: 'm10@example.org' },
      ])
    })
    expect(keysOf(await sweep(made))).toEqual([
      [10, 'value'],
      [11, 'value'],
    ])
  })

  it.each<[string, (id: number) => boolean]>([
    ['has one row of a hundred', (id) => id % 100 !== 0],
    ['lacks a stretch', (id) => id > 2_500 && id < 19_000],
  ])('asks the primary for no large digest where a secondary that cuts the leaves %s', async (_, isLacking) => {
    let most = 0
    const made = await columned(20_000, {
      legacy: (members) => ({
        ...withoutCuts(members),
        digest: async (stretches, columns) => {
          const digests = (await members.digest?.(stretches, columns)) ?? []
          most = Math.max(most, ...digests.map(({ rows }) => rows))
          return digests
        },
      }),
    })
    const lacking = Array.from({ length: 20_000 }, (_, at) => at + 1).filter(isLacking)
    await tamper(made, () => made.users.remove(lacking))
    const { record } = await sweep(made, { recheckMs: [0, 1] })
    expect(record).toMatchObject({ rows: 20_000, drift: lacking.length })
    expect(most).toBeLessThanOrEqual(8_000)
  })

  it('gives the digests up where everything differs, and finds every key', async () => {
    const made: World & { readonly scanned: () => number } = await columned(0, {
      legacy: (members) => ({
        ...members,
        // As slow as it gets, so that leaves are as small as they get.
        digest: async (stretches, columns) => {
          await made.migration.sleep(1_000)
          return members.digest?.(stretches, columns) ?? []
        },
      }),
    })
    await tamper(made, async () => {
      await made.members.save(Array.from({ length: 15_000 }, (_, at) => member(at + 1)))
      await made.users.save([{ id: 1, email: 'other' }])
    })
    const { record, because } = await sweep(made)
    expect(because).toBe('many leaves differ, one after the other')
    expect(record).toMatchObject({ readsRowsBecause: because, rows: 15_000, drift: 15_000 })
  })

  it.each<[string, WorldOptions, SweepOptions, string]>([
    ['the entity names no columns', { columns: false }, {}, 'the entity names no columns'],
    ['the caller wants it', {}, { digests: false }, 'the caller wants every row read'],
    [
      'a column is normalized',
      {},
      { normalize: { email: (value) => String(value).trim() } },
      'column email is normalized before it is compared',
    ],
    [
      'the translation changes a value that it should hand over',
      { toTarget: ({ mail, ...rest }) => ({ ...rest, email: mail.toUpperCase() }) },
      {},
      'the translation does more with column email than hand it over',
    ],
    [
      'the translation writes a column that is not named',
      { toTarget: ({ mail, ...rest }) => ({ ...rest, email: mail, extra: 1 }) },
      {},
      'the translation does more with column extra than hand it over',
    ],
    ['a store makes no digests', { target: ({ digest: _, ...users }) => users }, {}, 'a store makes no digests'],
  ])('reads every row where %s', async (_, worldOptions, options, because) => {
    const made = await columned(10, worldOptions)
    const swept = await sweep(made, options)
    expect(swept.because).toBe(because)
    expect(swept.findings).toEqual([])
  })

  it('finds what reading every row finds', async () => {
    const change = fc.record({
      id: fc.integer({ min: -3, max: 63 }),
      what: fc.constantFrom('remove', 'save', 'change'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 8 }), async (changes) => {
        const made = await columned(60)
        await tamper(made, async () => {
          for (const { id, what } of changes) {
            if (what === 'remove') await made.users.remove([id])
            else await made.users.save([{ ...toUser(member(id)), ...(what === 'change' ? { email: 'x' } : {}) }])
          }
        })
        expect(keysOf(await sweep(made))).toEqual(keysOf(await sweep(made, { digests: false })))
      }),
      { numRuns: 100 },
    )
  })
})
