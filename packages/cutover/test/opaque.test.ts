import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCutover } from '../src/index.ts'
import { advanceTo, createWorld, type Process, recordCleanCopy, type World } from './world.ts'

const by = { actor: 'ops', reason: 'the day has come' }
const ada = { member_id: 1, mail: 'a@example.org', status: 'Active' }

let world: World
let process: Process

beforeEach(() => {
  world = createWorld()
})
afterEach(() => world.close())

const cutover = () =>
  createCutover(process.migration, {
    drain: process.mirror,
    acknowledgeMs: 0,
    switchTimeoutMs: 1_000,
    clockSkewMs: 0,
  })

/** In canary, everything copied and swept, with a legacy of which only four functions are known. */
async function ready(guard: 'version' | 'none'): Promise<void> {
  process = await world.process({ opaqueLegacy: guard })
  await advanceTo(process.migration, 'canary')
  await process.members.save([ada])
  await process.migration.sides.legacy.journal.mark([{ entity: 'users', key: '1' }])
  await process.mirror()
  await recordCleanCopy(process.migration)
}

const gate = async (name: string, to: 'canary' | 'target-primary' | 'drop') =>
  (await cutover().plan({ to })).gates.find((one) => one.name === name)

describe('a switch away from an opaque legacy', () => {
  beforeEach(() => ready('version'))

  it('goes there and back, and to the end', async () => {
    const saves: number[] = []
    const { save } = process.members
    Object.assign(process.members, {
      save(...args: Parameters<typeof save>) {
        saves.push(args[0].length)
        return save(...args)
      },
    })
    const there = await cutover().advance({ to: 'target-primary', ...by })
    expect(there.unsettled).toEqual([])
    const detail = 'users: 1 rows translate back, none written, because an opaque store takes nothing back'
    expect(there.gates.find(({ name }) => name === 'reverse-proven')).toMatchObject({ detail })
    expect(saves).toEqual([])
    await process.targets.save([{ id: 2, email: 'b@example.org', active: true }])
    await process.mirror()
    expect(process.members.rows().map(({ member_id }) => member_id)).toEqual([1, 2])

    expect((await cutover().rollback(by)).unsettled).toEqual([])
    expect(process.migration.snapshot.plan.primary).toBe('legacy')
    await recordCleanCopy(process.migration)
    await cutover().advance({ to: 'target-primary', ...by })
    const done = await cutover().advance({ to: 'complete', ...by })
    expect(done.unsettled).toEqual([expect.stringMatching(/^Legacy is opaque and cannot be frozen from here/)])
    expect(await gate('denied-writes', 'drop')).toMatchObject({ ok: true, detail: expect.stringMatching(/opaque/) })
    await expect(cutover().freeze(by)).rejects.toMatchObject({ code: 'TWINSPAN_OPAQUE_SIDE' })
    const actions = (await process.migration.store.readAudit()).map(({ action }) => action)
    expect(actions).not.toContain('freeze')
    await cutover().rollback({ ...by, to: 'target-primary' })
    expect(process.migration.snapshot.phase).toBe('target-primary')
  })

  it('waits for the calls in flight', async () => {
    const { intents } = process.migration.sides.legacy
    const call = { call: 'a', entity: 'users', keys: ['1'] }
    await intents?.begin(call, { holdMs: 60_000 })
    let ended: Promise<void> | undefined
    process.migration.events.on('switch', ({ step }) => {
      if (step !== 'fence') return
      void process.members.save([{ ...ada, mail: 'late@example.org' }]).then(() => {
        ended = intents?.end([call])
      })
    })
    // The gate would wait for it as well; it has not begun yet when the gates are asked.
    const { stats } = process.migration.sides.legacy.journal
    let asked = 0
    Object.assign(process.migration.sides.legacy.journal, {
      async stats() {
        return asked++ < 2 ? { depth: 0, oldestAgeMs: 0, parked: 0 } : stats()
      },
    })
    await cutover().advance({ to: 'target-primary', ...by })
    await ended
    expect(process.targets.rows()).toMatchObject([{ id: 1, email: 'late@example.org' }])
  })

  it('is undone when a call does not end', async () => {
    const { intents } = process.migration.sides.legacy
    const found = process.migration.events.on('switch', ({ step }) => {
      if (step === 'capture') void intents?.begin({ call: 'a', entity: 'users', keys: ['1'] }, { holdMs: 60_000 })
    })
    await expect(cutover().advance({ to: 'target-primary', ...by })).rejects.toMatchObject({
      code: 'TWINSPAN_CUTOVER_ABORTED',
    })
    found()
    expect((await process.migration.refresh()).plan.primary).toBe('legacy')
    expect(await gate('journal-empty', 'target-primary')).toMatchObject({ ok: false, detail: '1 key dirty' })
  })
})

describe("the way back to an opaque legacy with guard: 'none'", () => {
  beforeEach(async () => {
    await ready('none')
    await cutover().advance({ to: 'target-primary', ...by })
  })

  it('waits for a full sweep in that direction', async () => {
    expect(await gate('no-capture-gaps', 'canary')).toMatchObject({
      ok: false,
      detail: 'not swept clean in this direction, and nothing refuses a late copy: users',
    })
    await recordCleanCopy(process.migration, { drift: 1 })
    expect(await gate('no-capture-gaps', 'canary')).toMatchObject({ ok: false })
    await recordCleanCopy(process.migration)
    expect(await gate('no-capture-gaps', 'canary')).toMatchObject({ ok: true })
    expect((await cutover().rollback(by)).unsettled).toEqual([])
  })

  it('waits for another one after a copy of which nobody knows what became', async () => {
    await recordCleanCopy(process.migration)
    await process.migration.store.saveFindings([
      { kind: 'capture-gap', entity: 'users', subject: 'process-1', detail: {} },
    ])
    expect(await gate('no-capture-gaps', 'canary')).toMatchObject({ ok: false, detail: '1 uncaptured write in users' })
  })
})
