import { FenceTimeoutError, type SideName } from '@twinspan/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CutoverAbortedError, createCutover } from '../src/index.ts'
import { advanceTo, createWorld, type Process, recordCleanCopy, type World } from './world.ts'

const by = { actor: 'ops', reason: 'the day has come' }

let world: World
let process: Process

beforeEach(async () => {
  world = createWorld()
  process = await world.process()
  await advanceTo(process.migration, 'canary')
  await process.members.save([{ member_id: 1, mail: 'a@example.org', status: 'Active' }])
  await process.mirror()
  await recordCleanCopy(process.migration)
})
afterEach(() => world.close())

const cutover = (options = {}) => createCutover(process.migration, { drain: process.mirror, ...options })

type Change = (typeof process.migration.sides.legacy.fence)['change']

/** Puts something between the driver and one side's fence. */
function between(
  side: SideName,
  intervene: (call: number, change: () => Promise<boolean>) => Promise<boolean>,
): () => void {
  const { fence } = process.migration.sides[side]
  const { change } = fence
  let calls = 0
  const wrapped: Change = (...args) => intervene(++calls, () => change(...args))
  Object.assign(fence, { change: wrapped })
  return () => Object.assign(fence, { change })
}

describe('an answer that is lost', () => {
  it('to the decision is looked up, not guessed: the switch goes on', async () => {
    between('legacy', async (call, change) => {
      const answer = await change()
      if (call === 2) throw new Error('connection lost')
      return answer
    })
    const result = await cutover().advance({ to: 'target-primary', ...by })
    expect(result.snapshot.phase).toBe('target-primary')
    expect(result.unsettled).toEqual([])
    await process.targets.save([{ id: 2, email: 'b@example.org', active: true }])
  })

  it('to the closing of the fence is undone', async () => {
    between('legacy', async (call, change) => {
      const answer = await change()
      if (call === 1) throw new Error('connection lost')
      return answer
    })
    await expect(cutover().advance({ to: 'target-primary', ...by })).rejects.toMatchObject({
      step: 'fence',
      aftermath: 'undone',
    })
    await process.members.save([{ member_id: 2, mail: 'b@example.org', status: 'Active' }])
  })

  it('from a fence that stays unreachable is said to be so, and the fence opens when the switch is overdue', async () => {
    const second = await world.process()
    const restore = between('legacy', async (call, change) => {
      if (call > 1) throw new Error('connection lost')
      return change()
    })
    const failure = await cutover({
      drain: () => Promise.reject(new Error('the mirror is gone')),
      maxLagMs: 0,
      gates: [dirty()],
    })
      .advance({ to: 'target-primary', ...by })
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CutoverAbortedError)
    expect(failure).toMatchObject({ step: 'drain', aftermath: 'overdue-soon' })
    expect((failure as Error).message).toContain('any live process reopens it')
    restore()
    world.clock.ms += 10_000
    await second.migration.refresh()
    await process.members.save([{ member_id: 2, mail: 'b@example.org', status: 'Active' }])
  })
})

it('leaves alone a fence that another driver has closed meanwhile', async () => {
  between('legacy', async (call, change) => {
    if (call > 1) return change()
    const found = (await process.migration.sides.legacy.fence.read())!
    const pending = { to: 'target-primary', instance: 'another', deadline: found.now + 5_000 } as const
    world.legacy.fences.set(JSON.stringify(['people', 'legacy']), { ...found.row, revision: 99, open: false, pending })
    throw new Error('connection lost')
  })
  await expect(cutover().advance({ to: 'target-primary', ...by })).rejects.toMatchObject({ step: 'fence' })
  expect((await process.migration.sides.legacy.fence.read())?.row).toMatchObject({ revision: 99, open: false })
})

describe('a fence that cannot be taken', () => {
  it('is tried again, shortly each time, and leaves everything as it was', async () => {
    let calls = 0
    between('legacy', async () => {
      calls++
      throw new FenceTimeoutError('legacy', 1_000)
    })
    await expect(cutover({ lockAttempts: 3 }).advance({ to: 'target-primary', ...by })).rejects.toMatchObject({
      code: 'TWINSPAN_CUTOVER_ABORTED',
      step: 'fence',
      aftermath: 'undone',
    })
    expect(calls).toBe(3)
  })
})

describe('an overdue driver', () => {
  it('does not decide after another process has undone its switch', async () => {
    const second = await world.process()
    const cut = cutover({
      drain: async () => {
        // The driver sleeps through its deadline; somebody undoes the switch, and a user writes.
        world.clock.ms += 60_000
        await second.migration.refresh()
        await second.members.save([{ member_id: 5, mail: 'late@example.org', status: 'Active' }])
        await second.mirror()
      },
    })
    await expect(cut.advance({ to: 'target-primary', ...by })).rejects.toMatchObject({ code: 'TWINSPAN_PHASE_REFUSED' })
    expect((await process.migration.refresh()).phase).toBe('canary')
    await process.members.save([{ member_id: 6, mail: 'b@example.org', status: 'Active' }])
  })
})

/** A gate that writes, so that there is something to drain. */
function dirty() {
  return {
    name: 'dirty',
    async check() {
      await process.members.save([{ member_id: 1, mail: 'last@example.org', status: 'Active' }])
      return { ok: true, detail: 'written' }
    },
  }
}
