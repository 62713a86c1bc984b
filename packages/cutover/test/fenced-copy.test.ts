import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CutoverAbortedError, CutoverBlockedError, createCutover } from '../src/index.ts'
import { advanceTo, createWorld, type Process, phasesOf, recordCleanCopy, type World } from './world.ts'

const by = { actor: 'ops', reason: 'the day has come' }
const short = { to: 'target-primary', path: 'fenced-copy', ...by } as const

describe('the short road', () => {
  let world: World
  let process: Process

  beforeEach(async () => {
    world = createWorld()
    process = await world.process()
    // From before capture, so that no journal knows of them.
    await process.members.save(
      Array.from({ length: 1_203 }, (_, n) => ({ member_id: n + 1, mail: `m${n}@example.org`, status: 'Active' })),
    )
    await advanceTo(process.migration, 'capture')
  })
  afterEach(() => world.close())

  const cutover = (options = {}) => createCutover(process.migration, { acknowledgeMs: 0, ...options })
  const write = (id: number): Promise<unknown> =>
    process.members.save([{ member_id: id, mail: `late${id}@example.org`, status: 'Active' }])

  it('copies, compares and switches in one step, and there is a way back', async () => {
    await write(7)
    const result = await cutover().advance(short)
    expect(result).toMatchObject({ from: 'capture', to: 'target-primary', unsettled: [] })
    expect(result.steps.map(({ step }) => step)).toEqual([
      'capture',
      'identities',
      'rehearse',
      'fence',
      'copy',
      'verify',
      'identities',
      'decide',
      'open',
      'follow',
    ])
    expect(process.targets.rows()).toHaveLength(1_203)
    expect(process.targets.rows()[6]).toEqual({ id: 7, email: 'late7@example.org', active: true })
    expect((await process.users.target.identity?.read())?.next).toBeGreaterThan(1_203n)
    await expect(write(8)).rejects.toThrow(/fence/)

    await process.targets.save([{ id: 7, email: 'new@example.org', active: true }])
    await process.mirror()
    await cutover({ drain: process.mirror }).rollback(by)
    expect(process.members.rows()[6]).toMatchObject({ mail: 'new@example.org' })
    expect(phasesOf(await process.migration.store.readAudit())).toContain('capture → target-primary')
  })

  it('takes what was written after the rehearsal, and what was deleted', async () => {
    const { fence } = process.migration.sides.legacy
    const { change } = fence
    Object.assign(fence, {
      change: async (...args: Parameters<typeof change>) => {
        if (!args[1].open) {
          await write(5_000)
          await process.members.remove([3])
        }
        return change(...args)
      },
    })
    await cutover().advance(short)
    expect(process.targets.rows().map(({ id }) => id)).toContain(5_000)
    expect(process.targets.rows().map(({ id }) => id)).not.toContain(3)
  })

  it('is not begun where writers would wait for longer than they may', async () => {
    const { scan } = process.members
    Object.assign(process.users.legacy, {
      scan: (...args: Parameters<typeof scan>) => {
        world.clock.ms += 50
        return scan(...args)
      },
    })
    const plan = await cutover().plan({ to: 'target-primary', path: 'fenced-copy', maxWaitMs: 100 })
    expect(plan.gates.filter(({ ok }) => !ok)).toMatchObject([
      { name: 'copy-wait', detail: expect.stringMatching(/1203 rows, writers would wait for about \d+ ms of 100/) },
    ])
    await expect(cutover().advance({ ...short, maxWaitMs: 100 })).rejects.toBeInstanceOf(CutoverBlockedError)
    await write(7)
    expect(process.targets.rows()).toEqual([])
  })

  it('is given up before anybody waits when the rehearsal shows it to be too slow', async () => {
    const { save } = process.targets
    Object.assign(process.users.target, {
      save: (...args: Parameters<typeof save>) => {
        world.clock.ms += 400
        return save(...args)
      },
    })
    const failure = await cutover()
      .advance({ ...short, maxWaitMs: 1_000 })
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ step: 'rehearse', aftermath: 'undone' })
    expect((failure as Error).message).toMatch(/writers would wait for about \d+ ms while 1203 rows are copied/)
    await write(7)
  })

  it('is undone when the copy does not end in time, and legacy takes writes again', async () => {
    const { save } = process.targets
    let fenced = false
    process.migration.events.on('switch', ({ step }) => {
      fenced ||= step === 'fence'
    })
    Object.assign(process.users.target, {
      save: (...args: Parameters<typeof save>) => (fenced ? new Promise<void>(() => {}) : save(...args)),
    })
    const failure = await cutover()
      .advance({ ...short, maxWaitMs: 300 })
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CutoverAbortedError)
    expect(failure).toMatchObject({ step: 'copy', aftermath: 'undone' })
    expect((await process.migration.refresh()).phase).toBe('capture')
    await write(7)
  })

  it('is undone when the target does not hold what it was given', async () => {
    const { load } = process.targets
    Object.assign(process.users.target, {
      load: async (...args: Parameters<typeof load>) =>
        (await load(...args)).map((row) => (row.id === 1_100 ? { ...row, email: row.email.slice(0, 3) } : row)),
    })
    await expect(cutover().advance(short)).rejects.toMatchObject({
      step: 'verify',
      aftermath: 'undone',
      message: expect.stringContaining('1 of 1203 rows of "users" do not read back'),
    })
    await write(7)
    expect((await process.migration.refresh()).phase).toBe('capture')
  })

  it('does not touch a target that holds rows of somebody else', async () => {
    world.target.triggers.clear()
    await process.targets.save([{ id: 1, email: 'theirs@example.org', active: true }])
    await expect(cutover().advance(short)).rejects.toMatchObject({
      gates: expect.arrayContaining([expect.objectContaining({ name: 'target-free', ok: false })]),
    })
    expect(process.targets.rows()).toEqual([{ id: 1, email: 'theirs@example.org', active: true }])
  })

  it('begins anew after an attempt that was given up, whatever that left', async () => {
    const { load } = process.targets
    Object.assign(process.users.target, { load: async () => [] })
    await expect(cutover().advance(short)).rejects.toBeInstanceOf(CutoverAbortedError)
    Object.assign(process.users.target, { load })
    await process.members.remove([2])
    expect(await cutover().advance(short)).toMatchObject({ unsettled: [] })
    expect(process.targets.rows()).toHaveLength(1_202)
  })

  it('is for capture alone, and says so', async () => {
    await advanceTo(process.migration, 'dual-write')
    await expect(cutover().advance(short)).rejects.toThrow(
      /phase \(in dual-write, but target-primary follows capture\)/,
    )
    await expect(cutover().advance({ ...short, to: 'complete' })).rejects.toMatchObject({ option: 'path' })
    await expect(cutover().advance({ ...by, to: 'target-primary', maxWaitMs: 5 })).rejects.toMatchObject({
      option: 'maxWaitMs',
    })
    await recordCleanCopy(process.migration)
  })
})
