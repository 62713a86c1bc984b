import { queryObjects } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { createMirror, dualWrite, read, write } from '../src/index.ts'
import { createProcess, createWorld, inPhase, type Member, type Process, type ProcessOptions } from './world.ts'

interface Members {
  put(member: Member, options?: { readonly signal?: AbortSignal }): Promise<void>
  find(id: number): Promise<Member | undefined>
}

function membersOf({ migration, users, members, accounts }: Process): Members {
  return dualWrite<Members>(migration, users, {
    legacy: { put: (row) => members.save([row]), find: async (id) => (await members.load([id]))[0] },
    target: (transaction) => ({
      put: ({ member_id, mail }) => accounts.save([{ id: member_id, email: mail }], { transaction }),
      async find(id) {
        const [row] = await accounts.load([id])
        return row && { member_id: row.id, mail: row.email }
      },
    }),
    operations: { put: write({ key: (row) => row.member_id, mirror: 'call' }), find: read({ key: (id) => id }) },
    shadowRate: 1,
    noise: 1,
  })
}

const realSleep: ProcessOptions = {
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      setTimeout(resolve, Math.min(ms, 5)).unref()
    }),
}

describe('D4', () => {
  it('brings the whole row of a key of which the target has none, whatever the write changed of it', async () => {
    const process = await inPhase('capture')
    await process.members.save([{ member_id: 1, mail: 'old' }])
    // Written before there was a mirror, and not copied by any backfill.
    const { journal } = process.migration.sides.legacy
    await journal.remove((await journal.read({ limit: 10 })).map((row) => row.id))
    await process.migration.advance({ to: 'dual-write', actor: 'ops', reason: 'test' })
    await process.members.save([{ member_id: 1, mail: 'new' }])
    await createMirror(process.migration).drain()
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'new' }])
  })
})

describe('D5', () => {
  it('a copier that read the row before its delete does not bring it back', async () => {
    const world = createWorld()
    let reached = (): void => {}
    let goOn = (): void => {}
    const paused = new Promise<void>((resolve) => {
      reached = resolve
    })
    const released = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const slow = await inPhase('dual-write', {}, world)
    await slow.members.save([{ member_id: 1, mail: 'a' }])
    const late = createProcess(world, {
      // Between its read of the primary and its write.
      targetStep: async (what) => {
        if (what !== 'save users') return
        reached()
        await released
      },
    })
    await late.migration.start()
    const copying = createMirror(late.migration).drain()
    await paused
    await slow.members.remove([1])
    const other = createMirror(slow.migration).drain()
    goOn()
    await Promise.all([copying, other])
    await createMirror(slow.migration).drain()
    expect(slow.accounts.rows()).toEqual([])
  })
})

describe('D6', () => {
  it('a delete by a process that is one phase behind removes what another has mirrored', async () => {
    const behind = await inPhase('capture')
    const ahead = createProcess(behind.world)
    await ahead.migration.start()
    // Its watch stands still in this world, so it says by hand what it works by.
    const { instance, snapshot, store } = behind.migration
    await store.heartbeat({ instance, epoch: snapshot.epoch, phase: 'capture', host: '', pid: 1, version: '' }, 60_000)
    await ahead.migration.advance({ to: 'dual-write', actor: 'ops', reason: 'test' })
    expect(behind.migration.snapshot.phase).toBe('capture')
    await membersOf(ahead).put({ member_id: 1, mail: 'a' })
    await createMirror(ahead.migration).drain()
    expect(ahead.accounts.rows()).toHaveLength(1)
    await behind.members.remove([1])
    await createMirror(ahead.migration).drain()
    expect(ahead.accounts.rows()).toEqual([])
  })
})

describe('D9', () => {
  it('nothing is mirrored before the commit, and nothing of what was rolled back', async () => {
    const process = await inPhase('dual-write')
    const mirror = createMirror(process.migration)
    const hints: unknown[] = []
    process.migration.events.on('dirty', (event) => hints.push(event))
    await process.legacy.transaction(async (transaction) => {
      await process.members.save([{ member_id: 1, mail: 'a' }], { transaction })
      expect(await mirror.drain()).toMatchObject({ depth: 0 })
      expect(process.accounts.rows()).toEqual([])
    })
    await mirror.drain()
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'a' }])
    const undone = process.legacy.transaction(async (transaction) => {
      await process.members.save([{ member_id: 2, mail: 'b' }], { transaction })
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    expect(await mirror.drain()).toMatchObject({ depth: 0 })
    expect(process.accounts.rows()).toHaveLength(1)
    expect(hints).toEqual([])
  })
})

describe('D11', () => {
  it('the signal of a request that is over stops neither the copy of its write nor the mirror that it woke', async () => {
    const process = await inPhase('shadow', realSleep)
    const repo = membersOf(process)
    const mirror = createMirror(process.migration, { pollMs: 60_000 })
    const request = new AbortController()
    await process.migration.run(async () => {
      mirror.start()
      const written = repo.put({ member_id: 1, mail: 'a' }, { signal: request.signal })
      request.abort(new Error('the client went away'))
      await written
    })
    await expect.poll(() => process.accounts.rows()).toEqual([{ id: 1, email: 'a' }])
    await repo.put({ member_id: 2, mail: 'b' }, { signal: request.signal })
    await expect.poll(() => process.accounts.rows()).toHaveLength(2)
    await mirror.stop()
  })

  it('what the budget of a stop does not reach stays dirty, and the next process brings it over', async () => {
    const world = createWorld()
    let hanging = false
    let hung = false
    const targetStep = (): Promise<void> => {
      hung ||= hanging
      return hanging ? new Promise(() => {}) : Promise.resolve()
    }
    const process = await inPhase('dual-write', { ...realSleep, targetStep }, world)
    const mirror = createMirror(process.migration, { timeoutMs: 60_000 })
    mirror.start()
    hanging = true
    await process.members.save([{ member_id: 1, mail: 'a' }])
    await expect.poll(() => hung).toBe(true)
    const began = performance.now()
    await mirror.stop({ budgetMs: 50 })
    expect(performance.now() - began).toBeLessThan(1_000)
    const next = createProcess(world)
    await next.migration.start()
    await createMirror(next.migration).drain()
    expect(next.accounts.rows()).toEqual([{ id: 1, email: 'a' }])
  })
})

describe('D12', () => {
  it('ten thousand writes and reads with a target that hangs leave as many promises behind as one hundred', async () => {
    let hanging = false
    const process = await inPhase('shadow', {
      ...realSleep,
      timeoutMs: 50,
      targetStep: () => (hanging ? new Promise(() => {}) : Promise.resolve()),
    })
    const repo = membersOf(process)
    const mirror = createMirror(process.migration, { timeoutMs: 20, firstPauseMs: 50 })
    mirror.start()
    hanging = true
    const load = async (count: number): Promise<number> => {
      for (let turn = 0; turn < count; turn++) {
        await repo.put({ member_id: turn % 50, mail: `${turn}` })
        if (turn % 10 === 0) await repo.find(turn % 50)
      }
      return queryObjects(Promise, { format: 'count' })
    }
    const few = await load(100)
    const many = await load(10_000)
    expect(many - few).toBeLessThan(500)
    expect((await process.migration.sides.legacy.journal.stats()).depth).toBe(10_100)
    await mirror.stop({ budgetMs: 20 })
  })
})

describe('D14', () => {
  it('a method that came after the wrapper was made fails instead of writing to one store alone', async () => {
    const process = await inPhase('dual-write')
    const legacy = {
      put: (row: Member) => process.members.save([row]),
      find: async () => undefined,
    } as Members & { purge?: () => void; helper?: () => string }
    const repo = dualWrite<Members>(process.migration, process.users, {
      legacy,
      target: { put: async () => {}, find: async () => undefined },
      operations: { put: write({ key: (row) => row.member_id }), find: read({ key: (id) => id }) },
      internal: ['helper'],
    }) as typeof legacy
    let purged = false
    legacy.purge = () => {
      purged = true
    }
    legacy.helper = () => 'internal'
    expect(() => repo.purge?.()).toThrow(
      expect.objectContaining({ code: 'TWINSPAN_MISSING_OPERATION', operations: ['purge'] }),
    )
    expect(purged).toBe(false)
    expect(repo.helper?.()).toBe('internal')
    expect(repo.valueOf()).toBe(legacy)
  })
})

describe('D17', () => {
  it('a write that lands after its caller gave up is mirrored like any other', async () => {
    let land = (): void => {}
    const held = new Promise<void>((resolve) => {
      land = resolve
    })
    let slow = false
    const process = await inPhase('dual-write', {
      legacyStep: async (what) => {
        if (slow && what === 'commit') await held
      },
    })
    const mirror = createMirror(process.migration)
    slow = true
    const zombie = membersOf(process).put({ member_id: 1, mail: 'late' })
    const gaveUp = await Promise.race([zombie.then(() => 'landed'), new Promise((resolve) => setTimeout(resolve, 10))])
    expect(gaveUp).toBeUndefined()
    expect(await mirror.drain()).toMatchObject({ depth: 0 })
    slow = false
    land()
    await zombie
    await mirror.drain()
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'late' }])
  })
})
