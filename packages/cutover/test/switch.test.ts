import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CutoverAbortedError, CutoverBlockedError, createCutover } from '../src/index.ts'
import { advanceTo, createWorld, type Process, phasesOf, recordCleanCopy, type World } from './world.ts'

const by = { actor: 'ops', reason: 'the day has come' }

it('switches without triggers where the wrapper captures', async () => {
  const world = createWorld()
  const process = await world.process({ capture: 'transaction' })
  const { sides } = process.migration
  const request = { entity: 'users', keys: () => [1] }
  await advanceTo(process.migration, 'canary')
  await sides.legacy.captureWrite(request, (transaction) =>
    process.members.save([{ member_id: 1, mail: 'a@example.org', status: 'Active' }], { transaction }),
  )
  await process.mirror()
  await recordCleanCopy(process.migration)
  const cut = createCutover(process.migration, { drain: process.mirror })
  await cut.advance({ to: 'target-primary', ...by })
  await sides.target.captureWrite(request, (transaction) =>
    process.targets.save([{ id: 1, email: 'b@example.org', active: true }], { transaction }),
  )
  await process.mirror()
  await cut.rollback(by)
  expect(process.members.rows()).toEqual([{ member_id: 1, mail: 'b@example.org', status: 'Active' }])
  expect([...world.legacy.triggers.keys(), ...world.target.triggers.keys()]).toEqual([])
  await world.close()
})

describe('the switch, there and back', () => {
  let world: World
  let process: Process

  beforeEach(async () => {
    world = createWorld()
    process = await world.process()
    await advanceTo(process.migration, 'canary')
    await process.members.save([
      { member_id: 1, mail: 'a@example.org', status: 'Active' },
      { member_id: 7, mail: 'b@example.org', status: 'Pending' },
    ])
    await process.mirror()
    await recordCleanCopy(process.migration)
  })
  afterEach(() => world.close())

  const cutover = (options = {}) => createCutover(process.migration, { drain: process.mirror, ...options })

  it('makes target the primary and legacy its mirror', async () => {
    const result = await cutover().advance({ to: 'target-primary', ...by })
    expect(result).toMatchObject({ from: 'canary', to: 'target-primary', unsettled: [] })
    expect(result.snapshot.phase).toBe('target-primary')

    await process.targets.save([{ id: 8, email: 'c@example.org', active: true }])
    await expect(process.members.save([{ member_id: 9, mail: 'd@example.org', status: 'Active' }])).rejects.toThrow(
      /fence/,
    )
    await process.mirror()
    expect(process.members.rows()).toContainEqual({ member_id: 8, mail: 'c@example.org', status: 'Active' })
    expect((await process.migration.store.readState())?.phase).toBe('target-primary')
  })

  it('drains what is dirty behind the fence and says how much it was', async () => {
    const result = await cutover({
      maxLagMs: 0,
      drain: async () => {
        await expect(
          process.members.save([{ member_id: 1, mail: 'late@example.org', status: 'Active' }]),
        ).rejects.toThrow()
        await process.mirror()
      },
      gates: [
        {
          name: 'writes until the last moment',
          async check() {
            await process.members.save([{ member_id: 1, mail: 'last@example.org', status: 'Active' }])
            return { ok: true, detail: 'written' }
          },
        },
      ],
    }).advance({ to: 'target-primary', ...by })
    expect(result.drained).toBe(1)
    expect(process.targets.rows()[0]?.email).toBe('last@example.org')
  })

  it('moves the generator of the new primary past the keys of the old one, in both directions', async () => {
    await process.users.legacy.identity?.moveTo(500n)
    await cutover({ identityMargin: 10 }).advance({ to: 'target-primary', ...by })
    expect((await process.users.target.identity?.read())?.next).toBe(510n)
    await process.users.target.identity?.moveTo(2_000n)
    await cutover({ identityMargin: 10 }).rollback(by)
    expect((await process.users.legacy.identity?.read())?.next).toBe(2_010n)
  })

  it('leaves room for a process that draws keys from the side that was left before the fence refuses it', async () => {
    await cutover({ identityMargin: 10 }).advance({ to: 'target-primary', ...by })
    // As on engines whose counter goes along with the keys that the mirror brings.
    await process.users.target.identity?.moveTo(2_000n)
    await process.users.legacy.identity?.moveTo(2_000n)
    await cutover({ identityMargin: 10 }).rollback(by)
    expect((await process.users.legacy.identity?.read())?.next).toBe(2_010n)
  })

  it('goes back with everything that was written meanwhile', async () => {
    await cutover().advance({ to: 'target-primary', ...by })
    await process.targets.save([{ id: 8, email: 'c@example.org', active: true }])
    await process.targets.remove([7])
    await process.mirror()
    const result = await cutover().rollback(by)
    expect(result).toMatchObject({ from: 'target-primary', to: 'canary', unsettled: [] })
    expect(process.members.rows().map((row) => row.member_id)).toEqual([1, 8])
    await process.members.save([{ member_id: 9, mail: 'd@example.org', status: 'Active' }])
    await expect(process.targets.save([{ id: 10, email: 'x', active: true }])).rejects.toThrow(/fence/)
    expect(phasesOf(await process.migration.store.readAudit())).toEqual(
      expect.arrayContaining(['canary → target-primary', 'target-primary → canary']),
    )
  })

  it('is undone, and legacy takes writes again, when the journal does not drain in time', async () => {
    const stuck = cutover({
      maxLagMs: 0,
      drain: undefined,
      gates: [
        {
          name: 'writes until the last moment',
          async check() {
            await process.members.save([{ member_id: 1, mail: 'last@example.org', status: 'Active' }])
            return { ok: true, detail: 'written' }
          },
        },
      ],
    })
    const failure = await stuck.advance({ to: 'target-primary', ...by }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CutoverAbortedError)
    expect(failure).toMatchObject({ code: 'TWINSPAN_CUTOVER_ABORTED', step: 'drain', aftermath: 'undone' })
    expect((failure as Error).message).toContain('1 keys still dirty')
    expect((await process.migration.refresh()).phase).toBe('canary')
    await process.members.save([{ member_id: 2, mail: 'e@example.org', status: 'Active' }])
  })

  it('does not wait for a key that the mirror has given up on', async () => {
    const { journal } = process.migration.sides.legacy
    const cut = cutover({
      drain: async () => {
        const rows = await journal.read({ limit: 10 })
        const ids = rows.map(({ id }) => id)
        await journal.park(ids, { error: 'unique' })
      },
      maxLagMs: 0,
      gates: [
        {
          name: 'writes until the last moment',
          async check() {
            await process.members.save([{ member_id: 1, mail: 'last@example.org', status: 'Active' }])
            return { ok: true, detail: 'written' }
          },
        },
      ],
    })
    await expect(cut.advance({ to: 'target-primary', ...by })).rejects.toThrow(
      /given up at drain: .*1 of 1 dirty keys were given up on by the mirror.*takes writes as before/,
    )
    await process.members.save([{ member_id: 2, mail: 'e@example.org', status: 'Active' }])
  })

  it('refuses the way back while the reverse journal stands still, with the reason', async () => {
    await cutover().advance({ to: 'target-primary', ...by })
    await process.targets.save([{ id: 8, email: 'c@example.org', active: true }])
    const failure = await cutover()
      .rollback(by)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CutoverBlockedError)
    expect((failure as Error).message).toBe(
      'Cutover of "people" is blocked by journal-empty (1 key dirty). Nothing was switched.',
    )
    expect((failure as CutoverBlockedError).gates.find((gate) => !gate.ok)?.advice).toContain('mirror')
    await process.targets.save([{ id: 9, email: 'd@example.org', active: true }])
  })

  it('lets only one of two drivers switch', async () => {
    const second = await world.process()
    const outcomes = await Promise.allSettled([
      cutover().advance({ to: 'target-primary', ...by }),
      createCutover(second.migration, { drain: second.mirror }).advance({ to: 'target-primary', ...by }),
    ])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(
      phasesOf(await process.migration.store.readAudit()).filter((step) => step === 'canary → target-primary'),
    ).toHaveLength(1)
    await process.targets.save([{ id: 8, email: 'c@example.org', active: true }])
  })

  it('says which steps it takes and how long each lasts', async () => {
    const seen: string[] = []
    process.migration.events.on('switch', (event) => seen.push(`${event.step} ${event.ok}`))
    const { steps } = await cutover().advance({ to: 'target-primary', ...by })
    const names = ['capture', 'identities', 'approach', 'fence', 'drain', 'identities', 'decide', 'open', 'follow']
    // Behind the fence two are at work side by side.
    expect(steps.map(({ step }) => step).toSorted()).toEqual(names.toSorted())
    expect(seen).toEqual(steps.map(({ step }) => `${step} true`))
  })

  it('leaves no trigger behind when the migration is given up', async () => {
    await cutover().advance({ to: 'target-primary', ...by })
    await cutover().rollback({ ...by, to: 'off' })
    expect([...world.legacy.triggers.values(), ...world.target.triggers.values()].flat()).toEqual([])
    await process.targets.save([{ id: 8, email: 'c@example.org', active: true }])
  })

  it('goes back through the phases before the switch as well', async () => {
    await cutover().rollback({ ...by, to: 'dual-write' })
    expect(process.migration.snapshot.phase).toBe('dual-write')
  })
})
