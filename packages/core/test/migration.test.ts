import { describe, expect, it } from 'vitest'
import { createMigration, defineEntity, type Migration, type MigrationOptions, PHASES } from '../src/index.ts'
import { createMemoryDatabase, type MemoryDatabase, memorySide, type Step } from '../src/testing/index.ts'

interface Member {
  readonly member_id: number
  readonly mail: string
}
interface User {
  readonly id: number
  readonly email: string
}

interface World {
  readonly legacy: MemoryDatabase
  readonly target: MemoryDatabase
  clock: number
}

function world(): World {
  const made: World = {
    legacy: createMemoryDatabase({ now: () => made.clock }),
    target: createMemoryDatabase({ now: () => made.clock }),
    clock: 1_000,
  }
  return made
}

interface ProcessOptions extends Partial<MigrationOptions> {
  readonly legacyStep?: Step
  readonly targetStep?: Step
}

function process_(at: World, { legacyStep, targetStep, ...options }: ProcessOptions = {}): Migration {
  const legacy = memorySide(at.legacy, legacyStep ? { step: legacyStep } : {})
  const target = memorySide(at.target, targetStep ? { step: targetStep } : {})
  const users = defineEntity({
    name: 'users',
    legacy: legacy.table<Member>('members', { key: 'member_id' }),
    target: target.table<User>('users', { key: 'id' }),
    toTarget: (row) => ({ id: row.member_id, email: row.mail }),
    toLegacy: (row) => ({ member_id: row.id, mail: row.email }),
  })
  return createMigration({
    name: 'users-to-target',
    legacy,
    target,
    entities: [users],
    now: () => at.clock,
    sleep: async (ms, signal) => {
      await new Promise((resolve) => setImmediate(resolve))
      signal?.throwIfAborted()
      at.clock += ms / 1_000
    },
    ...options,
  })
}

const who = { actor: 'ops', reason: 'test' }

async function at(phase: (typeof PHASES)[number], migration: Migration): Promise<void> {
  for (const to of PHASES.slice(1, PHASES.indexOf(phase) + 1)) await migration.advance({ to, ...who })
}

/** The watch, which passes a signal, sleeps for ever. */
function onlyWrites(woken: () => Promise<void>): NonNullable<MigrationOptions['sleep']> {
  return async (_ms, signal) => {
    if (signal !== undefined) return new Promise(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    await woken()
  }
}

describe('createMigration', () => {
  it('walks the road to canary and back, one audited step at a time', async () => {
    const migration = process_(world())
    await migration.start()
    await at('canary', migration)
    expect(migration.snapshot).toMatchObject({ phase: 'canary', epoch: 5, plan: { reads: 'router' } })
    for (const to of ['shadow', 'dual-write', 'capture', 'off'] as const) await migration.advance({ to, ...who })
    expect(migration.snapshot).toMatchObject({ phase: 'off', epoch: 9 })
    const audit = await migration.store.readAudit()
    expect(audit.map((entry) => `${entry.from}>${entry.to}`)).toEqual([
      'capture>off',
      'dual-write>capture',
      'shadow>dual-write',
      'canary>shadow',
      'shadow>canary',
      'dual-write>shadow',
      'capture>dual-write',
      'off>capture',
    ])
    expect(await migration.sides.target.fence.read()).toMatchObject({ row: { epoch: 9, phase: 'off' } })
    await migration.stop()
  })

  it('starts by what the target says when legacy does not answer', async () => {
    const here = world()
    const first = process_(here)
    await first.start()
    await first.advance({ to: 'capture', ...who })
    const second = process_(here, { legacyStep: () => Promise.reject(new Error('gone')) })
    await second.start()
    expect(second.snapshot).toMatchObject({ phase: 'capture', incarnation: first.snapshot.incarnation })
    await Promise.all([first.stop(), second.stop()])
  })

  it('starts when another process begins the migration between its looks at the two sides', async () => {
    const here = world()
    let begun = (): void => {}
    const began = new Promise<void>((resolve) => {
      begun = resolve
    })
    let held = true
    const second = process_(here, {
      targetStep: async (what) => {
        if (what !== 'read fence' || !held) return
        held = false
        await began
      },
    })
    const starting = second.start()
    const first = process_(here)
    await first.start()
    begun()
    await starting
    expect(second.snapshot.incarnation).toBe(first.snapshot.incarnation)
    await Promise.all([first.stop(), second.stop()])
  })

  it.each([
    ['off', 'dual-write', 'not next to it'],
    ['off', 'target-primary', 'cutover'],
    ['canary', 'target-primary', 'cutover'],
    ['canary', 'complete', 'cutover'],
    ['canary', 'capture', 'not next to it'],
  ] as const)('refuses to go from %s to %s', async (from, to, why) => {
    const migration = process_(world())
    await migration.start()
    await at(from, migration)
    await expect(migration.advance({ to, ...who })).rejects.toMatchObject({
      code: 'TWINSPAN_PHASE_REFUSED',
      from,
      to,
      message: expect.stringContaining(why),
    })
    expect(migration.snapshot.phase).toBe(from)
    await migration.stop()
  })

  it('refuses a step forward while a live process works by an older epoch, and takes it once that one has seen it', async () => {
    const here = world()
    const first = process_(here)
    const second = process_(here)
    await first.start()
    await second.start()
    await first.store.heartbeat({ instance: 'slow', epoch: 1, phase: 'off', host: 'h', pid: 7, version: '' }, 60_000)
    await first.advance({ to: 'capture', ...who })
    await expect(first.advance({ to: 'dual-write', ...who, acknowledgeMs: 0 })).rejects.toMatchObject({
      code: 'TWINSPAN_PHASE_REFUSED',
      message: expect.stringContaining('h/7 at epoch 1'),
    })
    await first.store.endLease('slow')
    await first.advance({ to: 'dual-write', ...who })
    expect((await second.refresh()).phase).toBe('dual-write')
    await Promise.all([first.stop(), second.stop()])
  })

  it('lets one of two processes win when both decide at once', async () => {
    const here = world()
    const both = [process_(here), process_(here)]
    for (const one of both) await one.start()
    const results = await Promise.allSettled(
      both.map((one, index) => one.advance({ to: 'capture', actor: `a${index}`, reason: 'race' })),
    )
    for (const one of both) await one.refresh()
    expect(both.map((one) => one.snapshot.epoch)).toEqual([2, 2])
    expect(await both[0]!.store.readAudit()).toHaveLength(1)
    expect(results.some((result) => result.status === 'fulfilled')).toBe(true)
    await Promise.all(both.map((one) => one.stop()))
  })

  it('keeps one snapshot for a unit of work across a phase change, and moves it on refresh', async () => {
    const migration = process_(world())
    await migration.start()
    let changed = (): void => {}
    const change = new Promise<void>((resolve) => {
      changed = resolve
    })
    const unit = migration.run(async () => {
      await change
      const pinned = migration.snapshot.phase
      await migration.refresh()
      return { pinned, refreshed: migration.snapshot.phase }
    })
    await migration.advance({ to: 'capture', ...who })
    expect(migration.snapshot.phase).toBe('capture')
    changed()
    expect(await unit).toEqual({ pinned: 'off', refreshed: 'capture' })
    await migration.stop()
  })

  it('runs what outlives a unit of work outside of it', async () => {
    const migration = process_(world())
    await migration.start()
    const phases = migration.run(() => ({
      loop: migration.detached(async () => {
        await migration.advance({ to: 'capture', ...who })
        return migration.snapshot.phase
      }),
      unit: migration.unitOfWork?.snapshot.phase,
    }))
    expect({ ...phases, loop: await phases.loop }).toEqual({ loop: 'capture', unit: 'off' })
    await migration.stop()
  })

  it('lets go of a unit of work whose request is over', async () => {
    const migration = process_(world())
    await migration.start()
    let over = (): void => {}
    const end = new Promise<void>((resolve) => {
      over = resolve
    })
    const left = migration.run(async () => {
      const work = migration.unitOfWork!
      await end
      work.released = true
      return { phase: migration.snapshot.phase, unit: migration.unitOfWork }
    })
    await migration.advance({ to: 'capture', ...who })
    over()
    expect(await left).toEqual({ phase: 'capture', unit: undefined })
    await migration.stop()
  })

  it('starts and serves while the target is down, and takes its phase from the fence row of legacy', async () => {
    const here = world()
    const first = process_(here)
    await first.start()
    await at('shadow', first)
    const reachable: string[] = []
    const second = process_(here, {
      timeoutMs: 50,
      targetStep: async () => {
        throw Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' })
      },
    })
    second.events.on('reachable', (event) => reachable.push(`${event.what} ${event.reachable}`))
    await second.start()
    expect(second.snapshot).toMatchObject({ phase: 'shadow', stale: false })
    expect(reachable).toContain('target false')
    await Promise.all([first.stop(), second.stop()])
  })

  it('goes back a phase while the target and the store hang, and audits it when they are back', async () => {
    const here = world()
    let hanging = false
    const targetStep: Step = () => (hanging ? new Promise(() => {}) : Promise.resolve())
    const migration = process_(here, { timeoutMs: 50, targetStep })
    await migration.start()
    await at('canary', migration)
    hanging = true
    await migration.advance({ to: 'shadow', actor: 'ops', reason: 'target hangs' })
    expect(migration.snapshot.phase).toBe('shadow')
    hanging = false
    await migration.refresh()
    await migration.refresh()
    expect((await migration.store.readAudit())[0]).toMatchObject({ to: 'shadow', reason: 'target hangs' })
    expect(await migration.sides.target.fence.read()).toMatchObject({ row: { phase: 'shadow' } })
    await migration.stop()
  })

  it('refuses to start when neither side answers', async () => {
    const down: Step = async () => {
      throw new Error('down')
    }
    const migration = process_(world(), { legacyStep: down, targetStep: down })
    await expect(migration.start()).rejects.toMatchObject({ code: 'TWINSPAN_UNAVAILABLE' })
  })

  it('grows stale when the primary is not heard for a lease, and fresh again when it is', async () => {
    const here = world()
    let down = false
    const step: Step = async () => {
      if (down) throw new Error('down')
    }
    const migration = process_(here, { legacyStep: step, targetStep: step })
    await migration.start()
    down = true
    here.clock += 20_000
    expect(migration.snapshot.stale).toBe(true)
    down = false
    await migration.refresh()
    expect(migration.snapshot.stale).toBe(false)
    await migration.stop()
  })

  it('refuses a second migration of the same name with other tables, before anything is written', async () => {
    const here = world()
    const first = process_(here)
    await first.start()
    const legacy = memorySide(here.legacy)
    const target = memorySide(here.target)
    const orders = defineEntity({
      name: 'orders',
      legacy: legacy.table<{ id: number }>('orders', { key: 'id' }),
      target: target.table<{ id: number }>('orders2', { key: 'id' }),
      toTarget: (row) => row,
      toLegacy: (row) => row,
    })
    const second = process_(here, { legacy, target, entities: [orders] })
    const before = await first.sides.legacy.fence.read()
    await expect(second.start()).rejects.toMatchObject({
      code: 'TWINSPAN_MIGRATION_CONFLICT',
      message: expect.stringContaining('users-to-target'),
    })
    expect(await first.sides.legacy.fence.read()).toEqual(before)
    await first.stop()
  })

  it('refuses dual-write into a target that holds rows which nobody here wrote, unless they are adopted', async () => {
    const here = world()
    await memorySide(here.target)
      .table<User>('users', { key: 'id' })
      .save([{ id: 1, email: 'left over' }])
    const migration = process_(here)
    await migration.start()
    await migration.advance({ to: 'capture', ...who })
    await expect(migration.advance({ to: 'dual-write', ...who })).rejects.toMatchObject({
      code: 'TWINSPAN_TARGET_NOT_EMPTY',
      entity: 'users',
    })
    expect(migration.snapshot.phase).toBe('capture')
    await migration.advance({ to: 'dual-write', ...who, adoptTarget: true })
    expect((await migration.store.readAudit())[0]?.reason).toContain('adopted')
    await migration.stop()
  })

  it('does not recognise the rows of an attempt that went back to off', async () => {
    const here = world()
    const migration = process_(here)
    await migration.start()
    await at('dual-write', migration)
    await memorySide(here.target)
      .table<User>('users', { key: 'id' })
      .save([{ id: 1, email: 'copied' }])
    for (const to of ['capture', 'off', 'capture'] as const) await migration.advance({ to, ...who })
    await expect(migration.advance({ to: 'dual-write', ...who })).rejects.toMatchObject({
      code: 'TWINSPAN_TARGET_NOT_EMPTY',
    })
    await migration.stop()
  })

  it('asks no store while a write waits for a switch', async () => {
    const here = world()
    const migration = process_(here, { sleep: onlyWrites(async () => {}) })
    await migration.start()
    const { fence } = migration.sides.legacy
    const { revision, ...row } = (await fence.read())!.row
    const pending = { to: 'target-primary', instance: 'driver', deadline: here.clock + 1_000 } as const
    await fence.change(revision, { ...row, open: false, pending })
    let asked = 0
    Object.assign(migration.store, { readState: () => new Promise(() => asked++) })
    const waiting = migration.settled()
    await fence.change(revision + 1, { ...row, open: true, pending: null })
    expect(await waiting).toMatchObject({ phase: 'off', switching: false })
    expect(asked).toBe(0)
  })

  it.each(['opens', 'leaves'] as const)(
    'gives the driver of a switch a moment to open the new primary: a driver that %s it',
    async (driver) => {
      const here = world()
      let looks = 0
      let open = async (): Promise<unknown> => undefined
      const migration = process_(here, {
        sleep: onlyWrites(async () => {
          if (++looks === 3 && driver === 'opens') await open()
        }),
      })
      await migration.start()
      await migration.advance({ to: 'capture', ...who })
      await migration.refresh()
      const { legacy, target } = migration.sides
      const { revision, ...row } = (await legacy.fence.read())!.row
      const switched = { ...row, epoch: row.epoch + 1, phase: 'target-primary', primary: 'target' } as const
      await legacy.fence.change(revision, switched)
      const { change } = target.fence
      const behind = (await target.fence.read())!.row.revision
      open = () => change(behind, switched)
      let changes = 0
      Object.assign(target.fence, {
        change: (...args: Parameters<typeof change>) => {
          changes++
          return change(...args)
        },
      })
      looks = 0
      await migration.refresh()
      expect((await target.fence.read())?.row).toMatchObject({ epoch: row.epoch + 1, primary: 'target' })
      expect(changes).toBe(driver === 'opens' ? 0 : 1)
    },
  )

  it('reopens a fence that a dead driver left closed, once its deadline has passed', async () => {
    const here = world()
    const migration = process_(here)
    await migration.start()
    const found = await migration.sides.legacy.fence.read()
    const { revision, ...row } = found!.row
    await migration.sides.legacy.fence.change(revision, {
      ...row,
      open: false,
      pending: { to: 'target-primary', instance: 'dead', deadline: here.clock + 1_000 },
    })
    expect((await migration.refresh()).switching).toBe(true)
    here.clock += 2_000
    expect((await migration.refresh()).switching).toBe(false)
    expect((await migration.sides.legacy.fence.read())?.row).toMatchObject({ open: true, pending: null })
    await migration.stop()
  })

  it.each([
    [{ name: '' }, 'name'],
    [{ leaseMs: 1 }, 'leaseMs'],
    [{ refreshMs: 9_999 }, 'refreshMs'],
    [{ capture: 'magic' as never }, 'capture'],
    [{ entities: [] }, 'entities'],
  ])('names the bad option in %j', (options, option) => {
    expect(() => process_(world(), options)).toThrow(
      expect.objectContaining({ code: 'TWINSPAN_INVALID_OPTION', option }),
    )
  })
})
