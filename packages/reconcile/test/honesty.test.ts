import type { FormFailure, SweepRecord } from '@twinspan/core'
import { readSweepRecord } from '@twinspan/core'
import { type Finding, reconcile, type SweepOptions, sweepTable } from '@twinspan/reconcile'
import { describe, expect, it } from 'vitest'
import { tamper, type User, type World, type WorldOptions, world } from './world.ts'

interface Swept {
  readonly findings: readonly Finding[]
  readonly record: SweepRecord
}

async function sweep({ migration, entity }: World, options: SweepOptions = {}): Promise<Swept> {
  const run = reconcile.sweep(migration, entity, { reveal: 'keys', ...options })
  const findings: Finding[] = []
  for (;;) {
    const step = await run.next()
    if (step.done === true) return { findings, record: step.value }
    findings.push(step.value)
  }
}

/** A target whose digests of one column are never those of legacy, whatever it holds. */
function crying(column: string, state: { awake: boolean; digests: number }): NonNullable<WorldOptions['target']> {
  return (users) => ({
    ...users,
    async digest(stretches, columns, options) {
      state.digests++
      const made = (await users.digest?.(stretches, columns, options)) ?? []
      const isHit = state.awake && columns.some(({ name }) => name === column)
      return isHit ? made.map((one) => ({ ...one, digest: one.rows === 0 ? one.digest : `${one.digest}!` })) : made
    },
  })
}

/** Legacy so slow that leaves are as small as they get. */
const slowly =
  (made: { world?: World }): NonNullable<WorldOptions['legacy']> =>
  (members) => ({
    ...members,
    digest: async (stretches, columns) => {
      await made.world?.migration.sleep(1_000)
      return members.digest?.(stretches, columns) ?? []
    },
  })

describe('a column whose digests differ where its values do not', () => {
  async function noisy() {
    const state = { awake: true, digests: 0 }
    const slow: { world?: World } = {}
    slow.world = await world(12_000, { columns: true, target: crying('email', state), legacy: slowly(slow) })
    return { made: slow.world, state }
  }

  it('leaves the digest after a few leaves, and the rows are read for its sake', async () => {
    const { made, state } = await noisy()
    const { findings, record } = await sweep(made)
    const because = 'the digests of column email differ where its values are the same, in 3 leaves'
    expect(findings).toEqual([])
    expect(record).toMatchObject({ rows: 12_000, drift: 0, parity: 1, readsRowsBecause: because, warnings: [because] })
    expect(sweepTable(record)).toContain(because)
    expect(state.digests).toBeLessThan(100)
  })

  it('is compared in every row all the same', async () => {
    const { made } = await noisy()
    const ids = [5, 1_500, 4_100, 8_000, 11_999]
    await tamper(made, () => made.users.save(ids.map((id) => ({ id, email: 'other' }))))
    const { findings, record } = await sweep(made)
    expect(findings.map(({ key }) => Number(key)).sort((a, b) => a - b)).toEqual(ids)
    expect(record.drift).toBe(ids.length)
  })

  it('is not blamed for what users do meanwhile', async () => {
    const state = { awake: false, digests: 0 }
    const slow: { world?: World } = {}
    let at = 0
    const made = await world(12_000, {
      columns: true,
      legacy: slowly(slow),
      target: (users) => ({
        ...users,
        // Every digest finds another value somewhere; whoever reads rows finds the right one.
        async digest(stretches, columns, options) {
          state.digests++
          const rows = await users.load(Array.from({ length: 40 }, (_, part) => 1 + 300 * part))
          if (state.awake) await users.save(rows.map((row) => ({ ...row, email: `v${at++}` })))
          const digests = (await users.digest?.(stretches, columns, options)) ?? []
          await users.save(rows)
          return digests
        },
      }),
    })
    slow.world = made
    state.awake = true
    const { record } = await sweep(made)
    expect(record.drift).toBe(0)
    expect(record.warnings).toBeUndefined()
  })
})

describe('a form that fails its test', () => {
  const failing = (failures: (names: readonly string[]) => readonly FormFailure[]) => {
    const tried: (readonly string[])[] = []
    const target: NonNullable<WorldOptions['target']> = (users) => ({
      ...users,
      async tryForms(columns) {
        const names = columns.map(({ name }) => name)
        tried.push(names)
        return failures(names)
      },
    })
    return { target, tried }
  }

  it('has the rows read, and is named with the reason', async () => {
    const { target } = failing((names) => (names.includes('email') ? [{ column: 'email', reason: 'it rounds' }] : []))
    const made = await world(10, { columns: true, target })
    await tamper(made, () => made.users.save([{ id: 4, email: 'other' }]))
    const { findings, record } = await sweep(made)
    expect(findings.map(({ key }) => key)).toEqual([4])
    expect(record.readsRowsBecause).toContain('column email is not written alike by both engines: on target, it rounds')
    expect(record.warnings).toEqual([expect.stringContaining('column email')])
    expect(sweepTable(record)).toContain('it rounds')
  })

  it('has the rows read where only whole rows fail', async () => {
    const { target } = failing((names) => (names.length > 1 ? [{ column: undefined, reason: 'no order' }] : []))
    const { record } = await sweep(await world(10, { columns: true, target }))
    expect(record.readsRowsBecause).toBe('digests failed their test: on target, no order')
  })

  it('has the rows read where it cannot be tried', async () => {
    const { target } = failing(() => {
      throw new Error('secret of a driver')
    })
    const { record } = await sweep(await world(10, { columns: true, target }))
    expect(record.readsRowsBecause).toContain('could not be tried')
    expect(JSON.stringify(record)).not.toContain('secret')
  })

  it('is tried again, one that passed is not', async () => {
    let broken = true
    const { target, tried } = failing(() => (broken ? [{ column: 'email', reason: 'for now' }] : []))
    const made = await world(10, { columns: true, target })
    expect((await sweep(made)).record.readsRowsBecause).toBeDefined()
    broken = false
    expect((await sweep(made)).record.readsRowsBecause).toBeUndefined()
    const before = tried.length
    await sweep(made)
    expect(tried.length).toBe(before)
  })
})

describe('a raw sweep', () => {
  const wrong = { toTarget: ({ id, mail }: { id: number; mail: string }): User => ({ id, email: mail.toUpperCase() }) }

  it('finds what a translation does wrongly, and names the field', async () => {
    const made = await world(20, { ...wrong, columns: true })
    expect((await sweep(made)).record).toMatchObject({ drift: 0, parity: 1 })
    for (const raw of [true, { id: 'id', mail: 'email' }]) {
      const { findings, record } = await sweep(made, { raw })
      expect(findings).toHaveLength(20)
      expect(findings[0]).toMatchObject({ reason: 'case', fields: [{ name: 'email', reason: 'case' }] })
      expect(record).toMatchObject({ raw: true, drift: 20 })
    }
  })

  it('compares digests where the translation would not have allowed it', async () => {
    const made = await world(20, { ...wrong, columns: true })
    await tamper(made, () => made.users.save(made.members.rows().map(({ id, mail }) => ({ id, email: mail }))))
    expect((await sweep(made)).record).toMatchObject({ drift: 20 })
    const { record } = await sweep(made, { raw: true })
    expect(record).toMatchObject({ drift: 0 })
    expect(record.readsRowsBecause).toBeUndefined()
  })

  it('leaves the record and the findings of the others alone', async () => {
    const made = await world(20, { ...wrong, columns: true })
    await tamper(made, () => made.users.remove([3]))
    const { record } = await sweep(made)
    await sweep(made, { raw: true })
    expect(await readSweepRecord(made.migration.store, 'users')).toEqual(record)
    expect(await made.migration.store.findings({ kind: 'reconcile', entity: 'users' })).toHaveLength(1)
    expect(await made.migration.store.findings({ kind: 'reconcile-raw', entity: 'users' })).toHaveLength(20)
  })

  it.each([[{ nope: 'email' }], [{ mail: 'nope' }], [{ nope: 'nope' }]])(
    'is refused for %j, which would be the same on both sides for not being there',
    async (raw) => {
      await expect(sweep(await world(3), { raw })).rejects.toThrow(/raw.*nope/)
    },
  )

  it('is refused where it has no columns, or is to repair', async () => {
    const made = await world(1)
    const start = (options: SweepOptions) => () => reconcile.sweep(made.migration, made.entity, options)
    expect(start({ raw: true })).toThrow('raw')
    expect(start({ raw: {} })).toThrow('raw')
    expect(start({ raw: { a: 'b', c: 'b' } })).toThrow('raw')
    expect(start({ raw: { mail: 'email' }, repair: true })).toThrow('repair')
  })
})

describe('a normalization', () => {
  const cases: readonly (readonly [SweepOptions['normalize'], unknown, unknown])[] = [
    [{ note: 'nfc' }, 'é', 'e\u0301'],
    [{ note: 'rtrim' }, 'a', 'a  '],
    [{ note: 'emptyAsNull' }, null, ''],
    [{ note: { decimals: 2 } }, '1.005', '1.01'],
    [{ note: { decimals: 0 } }, '-2.4999', -2],
    [{ note: { decimals: 2 } }, '-0.001', '0'],
    [{ note: 'seconds' }, new Date(1_700_000_000_999), new Date(1_700_000_000_000)],
    [{ note: 'milliseconds' }, '2024-01-01 00:00:00.123456', '2024-01-01 00:00:00.123'],
    [{ note: ['rtrim', 'emptyAsNull'] }, null, '   '],
  ]

  it.each(cases)('%j makes two values the same, and is counted', async (normalize, legacy, target) => {
    const made = await world(3)
    await tamper(made, async () => {
      await made.members.save([{ id: 2, mail: 'm2@example.org', note: legacy }])
      await made.users.save([{ id: 2, email: 'm2@example.org', note: target }])
    })
    expect((await sweep(made)).record.drift).toBe(1)
    const { record } = await sweep(made, { normalize: normalize ?? {} })
    expect(record).toMatchObject({ drift: 0, normalized: { note: 1 } })
    expect(sweepTable(record)).toContain('note: 1')
  })

  it.each<[unknown]>([['upper'], [{ decimals: -1 }], [7], [null]])('%j is refused', async (wrong) => {
    const { migration, entity } = await world(0)
    const normalize = { note: wrong } as unknown as NonNullable<SweepOptions['normalize']>
    expect(() => reconcile.sweep(migration, entity, { normalize })).toThrow('normalize.note')
  })

  it('forgives nothing else', async () => {
    const made = await world(1)
    await tamper(made, async () => {
      await made.members.save([{ id: 1, mail: 'm', note: '1.004' }])
      await made.users.save([{ id: 1, email: 'm', note: '1.01' }])
    })
    const { record } = await sweep(made, { normalize: { note: { decimals: 2 } } })
    expect(record.drift).toBe(1)
    expect(record.normalized).toBeUndefined()
  })
})
