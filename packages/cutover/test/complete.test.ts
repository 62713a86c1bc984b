import { sweepDocument } from '@twinspan/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CutoverAbortedError, createCutover } from '../src/index.ts'
import { advanceTo, createWorld, type Process, recordCleanCopy, type World } from './world.ts'

const by = { actor: 'ops', reason: 'the day has come' }
const DAY = 86_400_000

let world: World
let process: Process

beforeEach(async () => {
  world = createWorld()
  process = await world.process()
  await advanceTo(process.migration, 'canary')
  await process.members.save([{ member_id: 1, mail: 'a@example.org', status: 'Active' }])
  await process.mirror()
  await recordCleanCopy(process.migration)
  await cutover().advance({ to: 'target-primary', ...by })
})
afterEach(() => world.close())

const cutover = (options = {}) =>
  createCutover(process.migration, { drain: process.mirror, acknowledgeMs: 0, ...options })
const closed = async (to?: 'canary' | 'drop') =>
  (await cutover().plan(to === undefined ? {} : { to })).gates
    .filter((gate) => !gate.ok)
    .map(({ name, detail }) => `${name}: ${detail}`)

describe('complete', () => {
  it('brings legacy to the last acknowledged write, freezes it, and captures no more', async () => {
    await process.targets.save([{ id: 2, email: 'b@example.org', active: true }])
    await process.mirror()
    expect((await cutover().plan()).to).toBe('complete')
    const result = await cutover().advance({ to: 'complete', ...by })
    expect(result).toMatchObject({ to: 'complete', unsettled: [] })
    expect(process.members.rows().map((row) => row.member_id)).toEqual([1, 2])

    await process.targets.save([{ id: 3, email: 'c@example.org', active: true }])
    expect(await process.migration.sides.target.journal.stats()).toMatchObject({ depth: 0 })
    await expect(process.members.save([{ member_id: 4, mail: 'x', status: 'Active' }])).rejects.toThrow(/frozen/)
    const plan = await cutover().canDrop()
    expect(plan.gates.find(({ name }) => name === 'denied-writes')).toMatchObject({ ok: true, detail: '1 refused' })
  })

  it('is finished by asking again when the freeze failed', async () => {
    const { freeze } = process.migration.sides.legacy
    const { install } = freeze
    Object.assign(freeze, { install: () => Promise.reject(new Error('lock timeout')) })
    const result = await cutover().advance({ to: 'complete', ...by })
    expect(result.unsettled).toEqual(['freeze did not succeed: Error'])
    expect(process.migration.snapshot.phase).toBe('complete')
    Object.assign(freeze, { install })
    expect(await cutover().advance({ to: 'complete', ...by })).toMatchObject({ unsettled: [] })
    await expect(process.members.save([{ member_id: 4, mail: 'x', status: 'Active' }])).rejects.toThrow(/frozen/)
  })

  it('holds legacy for the time agreed by the clock of the target, and until it is archived', async () => {
    await cutover().advance({ to: 'complete', ...by })
    expect(await closed()).toEqual(['hold-elapsed: 7.0 days left of 7.0 days', 'archived: no archive'])
    world.clock.ms += 7 * DAY - 1_000
    expect(await closed('drop')).toContainEqual('hold-elapsed: 0.0 hours left of 7.0 days')
    world.clock.ms += 1_000
    expect(await closed()).toEqual(['archived: no archive'])
    // Asked again, the hold does not begin anew.
    await cutover().advance({ to: 'complete', ...by })
    expect(await closed()).toEqual(['archived: no archive'])
  })

  it('freezes nothing and keeps the triggers when somebody has taken legacy back meanwhile', async () => {
    const second = await world.process()
    const { store } = process.migration
    const { putDocument } = store
    let turned = false
    Object.assign(store, {
      putDocument: async (...args: Parameters<typeof putDocument>) => {
        const written = await putDocument(...args)
        if (!turned) {
          turned = true
          await createCutover(second.migration, { acknowledgeMs: 0 }).rollback({ to: 'target-primary', ...by })
        }
        return written
      },
    })
    await cutover().advance({ to: 'complete', ...by })
    expect(turned).toBe(true)
    expect((await process.migration.refresh()).phase).toBe('target-primary')
    expect(world.legacy.frozen.size).toBe(0)
    await process.targets.save([{ id: 3, email: 'c@example.org', active: true }])
    await process.mirror()
    expect(process.members.rows().map((row) => row.member_id)).toEqual([1, 3])
  })

  it('freezes and thaws by hand, with a trace, and only there', async () => {
    await expect(cutover().freeze()).rejects.toMatchObject({ code: 'TWINSPAN_PHASE_REFUSED' })
    await cutover().advance({ to: 'complete', ...by })
    await cutover().thaw(by)
    expect(world.legacy.frozen.size).toBe(0)
    await cutover().freeze(by)
    expect(world.legacy.frozen.size).toBe(1)
    expect(
      (await process.migration.store.readAudit({ limit: 2 })).map(({ action, to, actor }) => [action, to, actor]),
    ).toEqual([
      ['freeze', 'frozen', 'ops'],
      ['freeze', 'thawed', 'ops'],
    ])
  })
})

describe('the way back from complete', () => {
  beforeEach(async () => {
    await cutover().advance({ to: 'complete', ...by })
    // Legacy does not hear of these.
    await process.targets.save([{ id: 3, email: 'c@example.org', active: true }])
    await process.targets.remove([1])
  })

  it('captures and thaws again, and asks for a full sweep before legacy may be the primary', async () => {
    const result = await cutover().rollback(by)
    expect(result).toMatchObject({ from: 'complete', to: 'target-primary', unsettled: [] })
    await process.targets.save([{ id: 4, email: 'd@example.org', active: true }])
    await process.mirror()
    expect(process.members.rows().map((row) => row.member_id)).toEqual([1, 4])
    await expect(process.members.save([{ member_id: 9, mail: 'x', status: 'Active' }])).rejects.toThrow(/fence/)

    expect(await closed('canary')).toEqual(['legacy-in-step: users: not swept since legacy came back'])
    await expect(cutover().rollback(by)).rejects.toMatchObject({ code: 'TWINSPAN_CUTOVER_BLOCKED' })

    // What a sweep with repair does: marks what differs, the mirror copies it, and the next sweep is clean.
    const { journal } = process.migration.sides.target
    await journal.mark([
      { entity: 'users', key: '1' },
      { entity: 'users', key: '3' },
    ])
    await process.mirror()
    await recordCleanCopy(process.migration, { drift: 2, repaired: 2 })
    expect(await closed('canary')).toEqual(['legacy-in-step: users: 2 rows differed in the last sweep, 0 undecided'])
    await recordCleanCopy(process.migration)
    expect((await cutover().rollback(by)).to).toBe('canary')
    expect(process.members.rows().map((row) => row.member_id)).toEqual([3, 4])

    // Once legacy has been the primary again, it lacks nothing any more.
    await recordCleanCopy(process.migration)
    await cutover().advance({ to: 'target-primary', ...by })
    await process.migration.store.putDocument(sweepDocument('users'), null)
    expect(await closed('canary')).toEqual([])
  })

  it('forgets what legacy lacked with the next switch, even when the rollback could not note it', async () => {
    await cutover().rollback(by)
    await recordCleanCopy(process.migration)
    const { store } = process.migration
    const { putDocument } = store
    Object.assign(store, { putDocument: () => Promise.reject(new Error('store down')) })
    expect(await cutover().rollback(by)).toMatchObject({ to: 'canary', unsettled: [expect.stringContaining('Error')] })
    Object.assign(store, { putDocument })
    await process.mirror()
    await recordCleanCopy(process.migration)
    await cutover().advance({ to: 'target-primary', ...by })
    expect(await closed('canary')).toEqual([])
  })

  it('does not count a sweep from before', async () => {
    await recordCleanCopy(process.migration)
    await cutover().rollback(by)
    expect(await closed('canary')).toEqual(['legacy-in-step: users: not swept since legacy came back'])
  })

  it('does not count a sweep that began before every process captured, and can be finished later', async () => {
    const { instance } = { instance: 'late' }
    const late = { instance, epoch: 3, phase: 'complete' as const, host: 'elsewhere', pid: 1, version: '' }
    await process.migration.store.heartbeat(late, 60_000)
    const result = await cutover().rollback(by)
    expect(result.unsettled).toEqual([
      expect.stringContaining('acknowledge did not succeed: TwinspanError: 1 live processes'),
    ])
    await recordCleanCopy(process.migration)
    expect(await closed('canary')).toEqual([
      'legacy-in-step: legacy came back from complete, and not every process was seen capturing since',
    ])
    await process.migration.store.endLease(instance)
    world.clock.ms += 10
    expect(await cutover().rollback({ to: 'target-primary', ...by })).toMatchObject({ unsettled: [] })
    expect(await closed('canary')).toEqual(['legacy-in-step: users: not swept since legacy came back'])
    await recordCleanCopy(process.migration)
    expect(await closed('canary')).toEqual([])
  })

  it('leaves legacy frozen when it does not succeed', async () => {
    const { fence } = process.migration.sides.target
    const { change } = fence
    Object.assign(fence, { change: () => Promise.reject(new Error('connection lost')) })
    const failure = await cutover()
      .rollback(by)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CutoverAbortedError)
    expect(failure).toMatchObject({ step: 'decide', aftermath: 'undone' })
    Object.assign(fence, { change })
    expect((await process.migration.refresh()).phase).toBe('complete')
    expect(world.legacy.frozen.size).toBe(1)
    await process.targets.save([{ id: 5, email: 'e@example.org', active: true }])
    expect(await process.migration.sides.target.journal.stats()).toMatchObject({ depth: 0 })
  })

  it('does not go straight to canary', async () => {
    await expect(cutover().rollback({ to: 'canary', ...by })).rejects.toMatchObject({
      code: 'TWINSPAN_CUTOVER_BLOCKED',
      message: expect.stringContaining('legacy-in-step'),
    })
    expect(process.migration.snapshot.phase).toBe('target-primary')
  })
})
