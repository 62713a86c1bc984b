import { type EntityStore, InvalidOptionError, type Key, type SweepRecord } from '@twinspan/core'
import {
  type Finding,
  type ResweepOptions,
  type ResweepRecord,
  reconcile,
  type SweepOptions,
} from '@twinspan/reconcile'
import { describe, expect, it } from 'vitest'
import { drain, member, tamper, toUser, type World, world } from './world.ts'

async function all<Record>(run: AsyncGenerator<Finding, Record>) {
  const findings: Finding[] = []
  for (;;) {
    const step = await run.next()
    if (step.done === true) return { keys: findings.map(({ key }) => Number(key)), findings, record: step.value }
    findings.push(step.value)
  }
}

const sweep = ({ migration, entity }: World, options: SweepOptions = {}): ReturnType<typeof all<SweepRecord>> =>
  all(reconcile.sweep(migration, entity, { trackChanges: true, reveal: 'keys', ...options }))

const resweep = ({ migration, entity }: World, options: ResweepOptions = {}): ReturnType<typeof all<ResweepRecord>> =>
  all(reconcile.resweep(migration, entity, { reveal: 'keys', rotation: 0, ...options }))

describe('a resweep', () => {
  it('looks at what changed since, and at nothing else', async () => {
    const made = await world(1_000)
    await sweep(made)
    await made.members.save([member(7), { ...member(8), mail: 'new' }])
    await made.members.remove([9])
    await drain(made)
    // Behind everybody's back: nothing says that this key changed.
    await tamper(made, () => made.users.remove([500]))
    expect(await resweep(made)).toMatchObject({ keys: [], record: { changed: 3, rotated: 0, drift: 0 } })
    expect(await resweep(made)).toMatchObject({ keys: [], record: { changed: 0 } })
  })

  it('finds what was mirrored wrongly, and looks at it again until it agrees', async () => {
    const made = await world(100)
    await sweep(made)
    await made.members.save([{ ...member(7), mail: 'new' }])
    await drain(made)
    await tamper(made, () => made.users.save([{ id: 7, email: 'old' }]))
    expect(await resweep(made)).toMatchObject({ keys: [7], record: { changed: 1, drift: 1 } })
    expect(await resweep(made)).toMatchObject({ keys: [7], record: { changed: 1, drift: 1 } })
    made.onSleep = () => drain(made)
    expect(await resweep(made, { repair: true })).toMatchObject({ keys: [7], record: { drift: 1, repaired: 1 } })
    expect(await resweep(made)).toMatchObject({ keys: [], record: { drift: 0 } })
    expect(await resweep(made)).toMatchObject({ keys: [], record: { changed: 0 } })
  })

  it('compares exact values where the stores have them', async () => {
    const written =
      (exactly: (id: number) => string): NonNullable<EntityStore['written']> =>
      async (rows) =>
        (Array.isArray(rows) ? (rows as readonly Key[]) : []).map((key) => ({
          key,
          values: [String(key), exactly(Number(key))],
        }))
    const made = await world(10, {
      columns: true,
      legacy: (members) => ({ ...members, written: written((id) => `0.${id}`) }),
      target: (users) => ({ ...users, written: written((id) => (id === 3 ? '0.30001' : `0.${id}`)) }),
    })
    await sweep(made)
    await made.members.save([member(2), member(3)])
    await drain(made)
    expect(await resweep(made)).toMatchObject({ keys: [3], record: { changed: 2, drift: 1 } })
  })

  it('does not forget a key that changes while it is compared', async () => {
    const made = await world(10)
    await sweep(made)
    await made.members.save([{ ...member(3), mail: 'one' }])
    await drain(made)
    await tamper(made, () => made.users.save([{ id: 3, email: 'other' }]))
    let again = false
    made.onSleep = async () => {
      if (again) return
      again = true
      await made.members.save([{ ...member(3), mail: 'two' }])
      await drain(made)
    }
    expect(await resweep(made)).toMatchObject({ keys: [], record: { changed: 1, drift: 0 } })
    expect(await resweep(made)).toMatchObject({ keys: [], record: { changed: 1, drift: 0 } })
    expect(await resweep(made)).toMatchObject({ record: { changed: 0 } })
  })

  it.each([
    ['changed keys', { rotation: 0 }, {}],
    ['the rest, by rows', { rotation: 1 }, {}],
    ['the rest, by digests', { rotation: 1 }, { columns: true }],
  ])('leaves the primary alone for its share of the time: %s', async (_, options, worldOptions) => {
    let slow = async (): Promise<void> => {}
    const slowly =
      <Args extends readonly unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
      async (...args: Args): Promise<Result> => {
        const result = await work(...args)
        await slow()
        return result
      }
    const made = await world(3_000, {
      ...worldOptions,
      legacy: (members) => ({
        ...members,
        load: slowly(members.load),
        scan: slowly(members.scan),
        digest: slowly(members.digest ?? (async () => [])),
      }),
    })
    await sweep(made)
    const took = async (maxPrimaryLoad: number): Promise<number> => {
      await made.members.save([member(7)])
      await drain(made)
      slow = () => made.migration.sleep(40)
      const began = made.migration.now()
      await resweep(made, { ...options, maxPrimaryLoad })
      slow = async () => {}
      return made.migration.now() - began
    }
    const full = await took(1)
    expect(full).toBeGreaterThan(0)
    // The first look at the translation is not paid for.
    expect(await took(0.25)).toBeGreaterThanOrEqual(2.5 * full)
  })

  it('makes digests of no more than its share of the rows', async () => {
    let digested = 0
    const made = await world(20_000, {
      columns: true,
      legacy: (members) => ({
        ...members,
        async digest(...args) {
          const digests = (await members.digest?.(...args)) ?? []
          for (const { rows } of digests) digested += rows
          return digests
        },
      }),
    })
    await sweep(made)
    expect(digested).toBeGreaterThanOrEqual(20_000)
    digested = 0
    // Alone with the primary, a comparison cuts leaves ahead.
    await resweep(made, { rotation: 0.1, maxPrimaryLoad: 1 })
    expect(digested).toBeLessThanOrEqual(4_000)
  })

  it('comes round to every row in its turn', async () => {
    const made = await world(100)
    await sweep(made)
    await tamper(made, async () => {
      await made.users.remove([3, 97])
      await made.users.save([toUser(member(1_000))])
    })
    const found: number[] = []
    let rotated = 0
    // A page is the least that is compared at once, and larger than this table.
    for (let round = 0; round < 2; round++) {
      const { keys, record } = await resweep(made, { rotation: 0.25 })
      found.push(...keys)
      rotated += record.rotated
    }
    expect(rotated).toBe(200)
    expect([...new Set(found)].sort((a, b) => a - b)).toEqual([3, 97, 1_000])
  })

  it('takes its turns where a table is larger than a page', async () => {
    const made = await world(9_000)
    await sweep(made)
    await tamper(made, () => made.users.remove([8_999]))
    const rounds: unknown[] = []
    for (let round = 0; round < 4; round++) {
      const { keys, record } = await resweep(made, { rotation: 0.25 })
      rounds.push([record.rotated, keys])
    }
    expect(rounds).toEqual([
      [4_000, []],
      [4_000, []],
      [1_000, [8_999]],
      [4_000, []],
    ])
  })

  it.each<[string, (made: World) => Promise<unknown>]>([
    ['none was made', async () => {}],
    ['the last one remembered nothing', (made) => sweep(made, { trackChanges: false })],
    [
      'a later one was interrupted',
      async (made) => {
        await sweep(made)
        const run = reconcile.sweep(made.migration, made.entity, { trackChanges: true, pageRows: 1 })
        await tamper(made, () => made.users.remove([1]))
        await run.next()
        await run.return(undefined as never)
      },
    ],
  ])('is refused without a sweep behind it: %s', async (_, prepare) => {
    const made = await world(10)
    await prepare(made)
    await expect(resweep(made)).rejects.toThrow(InvalidOptionError)
  })
})
