import { type EventOf, stripeOf, type TwinspanEvent } from '@twinspan/core'
import { describe, expect, it } from 'vitest'
import { createMirror, type Mirror } from '../src/index.ts'
import { inPhase, type Process, type World } from './world.ts'

const realSleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    setTimeout(resolve, Math.min(ms, 5))
  })

function collect<Type extends TwinspanEvent['type']>(process: Process, type: Type): readonly EventOf<Type>[] {
  const seen: EventOf<Type>[] = []
  process.migration.events.on(type, (event) => seen.push(event))
  return seen
}

describe('createMirror', () => {
  it('copies the current state of dirty keys, deletes included, and empties the journal', async () => {
    const process = await inPhase('dual-write')
    await process.members.save([
      { member_id: 1, mail: 'a' },
      { member_id: 2, mail: 'b' },
    ])
    await process.members.save([{ member_id: 1, mail: 'c' }])
    await process.members.remove([2])
    expect(await createMirror(process.migration).drain()).toMatchObject({ depth: 0 })
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'c' }])
  })

  it('makes one copy of a key that was written many times', async () => {
    const process = await inPhase('dual-write')
    for (let turn = 0; turn < 50; turn++) await process.members.save([{ member_id: 1, mail: `${turn}` }])
    const mirrored = collect(process, 'mirrored')
    await createMirror(process.migration).drain()
    expect(mirrored).toEqual([{ type: 'mirrored', entity: 'users', keys: ['1'] }])
  })

  it.each(['off', 'capture'] as const)('copies nothing in %s', async (phase) => {
    const process = await inPhase(phase)
    await process.migration.sides.legacy.journal.mark([{ entity: 'users', key: '1' }])
    expect((await createMirror(process.migration).drain()).depth).toBe(1)
  })

  it('keeps the columns of the target that the translation does not name', async () => {
    const process = await inPhase('dual-write')
    process.world.target.tables.get('users')!.rows.set('1', { id: 1, email: 'old', hash: '$argon2id$' })
    await process.members.save([{ member_id: 1, mail: 'new' }])
    await createMirror(process.migration).drain()
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'new', hash: '$argon2id$' }])
  })

  it('isolates a poisoned row, copies its neighbours, and parks it after its last attempt', async () => {
    const process = await inPhase('dual-write')
    process.world.target.tables.get('users')!.rows.set('99', { id: 99, email: 'taken' })
    const parked = collect(process, 'parked')
    await process.members.save([1, 2, 3, 4, 5].map((id) => ({ member_id: id, mail: id === 3 ? 'taken' : `${id}` })))
    const mirror = createMirror(process.migration, { maxAttempts: 3, firstRetryMs: 1 })
    for (let attempt = 0; attempt < 3; attempt++) {
      await mirror.drain()
      process.world.clock += 60_000
    }
    expect(process.accounts.rows().map((row) => row.id)).toEqual([1, 2, 4, 5, 99])
    expect(await process.migration.sides.legacy.journal.stats()).toMatchObject({ depth: 1, parked: 1 })
    expect(await process.migration.sides.legacy.journal.parked({ limit: 10 })).toMatchObject([
      { key: '3', error: 'MemoryUniqueError (23505, users_email)' },
    ])
    expect(parked).toEqual([{ type: 'parked', entity: 'users', rows: 1, class: 'MemoryUniqueError' }])
    // A new write of the key gives it a new chance, and success removes the parked row with it.
    await process.members.save([{ member_id: 3, mail: 'free' }])
    expect(await mirror.drain()).toMatchObject({ depth: 0, parked: 0 })
    expect(process.accounts.rows()).toHaveLength(6)
  })

  it('lets a unique value move from one row to another within a batch', async () => {
    const process = await inPhase('dual-write')
    await process.members.save([
      { member_id: 1, mail: 'x' },
      { member_id: 2, mail: 'y' },
    ])
    const mirror = createMirror(process.migration)
    await mirror.drain()
    await process.members.save([{ member_id: 2, mail: 'z' }])
    await process.members.save([{ member_id: 1, mail: 'y' }])
    expect(await mirror.drain()).toMatchObject({ depth: 0 })
    expect(process.accounts.rows()).toEqual([
      { id: 1, email: 'y' },
      { id: 2, email: 'z' },
    ])
  })

  it('counts no attempt while the target is down, and copies when it is back', async () => {
    let down = false
    const process = await inPhase('dual-write', {
      targetStep: async () => {
        if (down) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      },
    })
    await process.members.save([{ member_id: 1, mail: 'a' }])
    down = true
    const mirror = createMirror(process.migration, { maxAttempts: 1 })
    for (let look = 0; look < 5; look++) expect(await mirror.drain()).toMatchObject({ depth: 1, parked: 0 })
    down = false
    expect(await mirror.drain()).toMatchObject({ depth: 0 })
  })

  it('stays within one batch of memory and asks ever more rarely while the target hangs', async () => {
    let hanging = false
    let asked = 0
    const process = await inPhase('dual-write', {
      sleep: realSleep,
      timeoutMs: 20,
      targetStep: (what) => {
        if (!hanging) return Promise.resolve()
        if (what === 'begin') asked++
        return new Promise(() => {})
      },
    })
    const mirror = createMirror(process.migration, { timeoutMs: 10, pollMs: 1, firstPauseMs: 1_000 })
    hanging = true
    mirror.start()
    for (let id = 1; id <= 200; id++) await process.members.save([{ member_id: id, mail: `${id}` }])
    await new Promise((resolve) => setTimeout(resolve, 150))
    // The clock of this world stands still, so that the pause after the first outage never ends.
    expect(asked).toBeLessThanOrEqual(2)
    await mirror.stop({ budgetMs: 20 })
  })

  it('wakes on the hint of a write long before its poll', async () => {
    let sleepsForEver = false
    const process = await inPhase('dual-write', {
      sleep: (ms, signal) =>
        sleepsForEver
          ? new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
          : realSleep(ms, signal),
    })
    sleepsForEver = true
    const mirror = createMirror(process.migration, { pollMs: 3_600_000 })
    mirror.start()
    await new Promise((resolve) => setTimeout(resolve, 10))
    await process.members.save([{ member_id: 1, mail: 'a' }])
    process.migration.events.emit({ type: 'dirty', entity: 'users', keys: ['1'] })
    await expect.poll(() => process.accounts.rows()).toEqual([{ id: 1, email: 'a' }])
    await mirror.stop()
  })

  it("copies a large batch in two transactions side by side, and what got in each other's way across them together", async () => {
    const under: string[] = []
    const seen = { most: 0 }
    const process = await inPhase('dual-write', {
      targetStep: async (what) => {
        if (!what.includes('commit')) return
        under.push(what)
        await new Promise((resolve) => setTimeout(resolve, 5))
        seen.most = Math.max(seen.most, under.length)
        under.pop()
      },
    })
    const ids = Array.from({ length: 400 }, (_, at) => at + 1)
    await process.members.save(ids.map((id) => ({ member_id: id, mail: `${id}` })))
    const mirror = createMirror(process.migration)
    expect(await mirror.drain()).toMatchObject({ depth: 0 })
    expect(seen.most).toBe(2)
    // Two rows swap their mails, and stand in different parts.
    const [one, other] = [1, ids.find((id) => stripeOf(`${id}`) % 2 !== stripeOf('1') % 2) ?? 0]
    const mailOf = (id: number): string => `${id === one ? other : id === other ? one : id}`
    await process.members.save([{ member_id: one, mail: 'moving' }])
    await process.members.save(ids.filter((id) => id !== one).map((id) => ({ member_id: id, mail: mailOf(id) })))
    await process.members.save([{ member_id: one, mail: mailOf(one) }])
    expect(await mirror.drain()).toMatchObject({ depth: 0, parked: 0 })
    expect(process.accounts.rows().map(({ id, email }) => [id, email])).toEqual(ids.map((id) => [id, mailOf(id)]))
  })

  it('rests after a batch that was not full, so that the next one takes what came meanwhile', async () => {
    const rested: number[] = []
    const process = await inPhase('dual-write', {
      sleep: async (ms, signal) => {
        if (ms === 77) {
          rested.push(ms)
          // Written while it rests, one by one.
          for (const id of [2, 3, 4])
            if (rested.length === 1) await process.members.save([{ member_id: id, mail: `${id}` }])
        } else await realSleep(ms, signal)
      },
    })
    const batches = collect(process, 'mirror-batch')
    await process.members.save([{ member_id: 1, mail: '1' }])
    const mirror = createMirror(process.migration, { restMs: 77, pollMs: 5 })
    mirror.start()
    await expect.poll(() => process.accounts.rows().length).toBe(4)
    await mirror.stop()
    expect(batches).toMatchObject([{ rows: 1 }, { rows: 3 }])
    expect(rested).toEqual([77, 77])
  })

  it('goes by the newest phase although a request started it, in a phase without a mirror', async () => {
    const process = await inPhase('capture', { sleep: realSleep })
    const mirror = createMirror(process.migration, { pollMs: 1 })
    process.migration.run(() => mirror.start())
    await process.members.save([{ member_id: 1, mail: 'a' }])
    await process.migration.advance({ to: 'dual-write', actor: 'ops', reason: 'test' })
    await expect.poll(() => process.accounts.rows()).toEqual([{ id: 1, email: 'a' }])
    await mirror.stop()
  })

  it('drains what is left when it stops, and stops when the migration does', async () => {
    const process = await inPhase('dual-write', { sleep: realSleep })
    const mirror = createMirror(process.migration, { pollMs: 10_000 })
    mirror.start()
    await new Promise((resolve) => setTimeout(resolve, 10))
    await process.members.save([{ member_id: 1, mail: 'a' }])
    await process.migration.stop()
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'a' }])
  })

  it('copies from target to legacy once the target is the primary', async () => {
    const process = await inPhase('canary')
    const { legacy, target } = process.migration.sides
    await target.capture.install([{ name: 'users', store: process.accounts }])
    const { revision, ...row } = (await legacy.fence.read())!.row
    await legacy.fence.change(revision, { ...row, epoch: row.epoch + 1, phase: 'target-primary', primary: 'target' })
    await process.migration.refresh()
    await process.accounts.save([{ id: 5, email: 'new' }])
    expect(await createMirror(process.migration).drain()).toMatchObject({ depth: 0 })
    expect(process.members.rows()).toEqual([{ member_id: 5, mail: 'new' }])
  })

  it('I6 a copier of an older epoch writes nothing', async () => {
    const process = await inPhase('canary')
    await process.members.save([{ member_id: 1, mail: 'a' }])
    const { target } = process.migration.sides
    const { revision, ...row } = (await target.fence.read())!.row
    await target.fence.change(revision, { ...row, epoch: row.epoch + 1, phase: 'target-primary', primary: 'target' })
    const batches = collect(process, 'mirror-batch')
    await createMirror(process.migration)
      .drain()
      .catch(() => {})
    expect(batches[0]).toMatchObject({ outcome: 'stale' })
    expect(process.accounts.rows()).toEqual([])
  })

  it.each([{ batchSize: 0 }, { pollMs: -1 }, { maxAttempts: 1.5 }, { timeoutMs: Number.NaN }])(
    'names the bad option in %j',
    async (options) => {
      const process = await inPhase('off')
      expect(() => createMirror(process.migration, options)).toThrow(
        expect.objectContaining({ option: Object.keys(options)[0] }),
      )
    },
  )
})

describe('the figures of the journal', () => {
  // Once they were taken in a pause alone, and stood still while the mirror fell behind.
  it('come while there is always something to copy', async () => {
    const process = await inPhase('dual-write', { sleep: realSleep })
    const figures = collect(process, 'journal')
    const write = (id: number): Promise<void> => process.members.save([{ member_id: id, mail: `${id}` }])
    let figuresWhenBusy: number | undefined
    let writes = 0
    process.migration.events.on('mirrored', () => {
      writes += 1
      if (writes > 50) figuresWhenBusy ??= figures.length
      else void write(writes)
    })
    await write(0)
    const mirror = createMirror(process.migration, { statsMs: 1, pollMs: 1, restMs: 5 })
    mirror.start()
    await expect.poll(() => figuresWhenBusy, { timeout: 10_000 }).toBeDefined()
    await mirror.stop()
    expect(figuresWhenBusy).toBeGreaterThan(0)
  })

  // Once a copy that hung kept them as they were: young and few.
  it('come while a copy hangs', async () => {
    let hangs: Promise<void> | undefined
    const process = await inPhase('dual-write', {
      sleep: realSleep,
      targetStep: async (what) => {
        if (what.includes('commit')) await hangs
      },
    })
    let letGo = (): void => {}
    hangs = new Promise((resolve) => {
      letGo = resolve
    })
    const figures = collect(process, 'journal')
    await process.members.save([{ member_id: 1, mail: 'a' }])
    const mirror = createMirror(process.migration, { statsMs: 1, pollMs: 1, timeoutMs: 60_000 })
    mirror.start()
    await expect.poll(() => figures.length).toBeGreaterThan(0)
    const before = figures.length
    process.world.clock += 40_000
    await expect.poll(() => figures.slice(before).some(({ oldestAgeMs }) => oldestAgeMs >= 40_000)).toBe(true)
    letGo()
    await mirror.stop()
  })

  it('are told once more of a side that is no longer primary', async () => {
    const process = await inPhase('canary', { sleep: realSleep })
    const figures = collect(process, 'journal')
    const mirror = createMirror(process.migration, { statsMs: 1, pollMs: 1 })
    mirror.start()
    await expect.poll(() => figures.length).toBeGreaterThan(0)
    const { legacy } = process.migration.sides
    const { revision, ...row } = (await legacy.fence.read())!.row
    await legacy.fence.change(revision, { ...row, epoch: row.epoch + 1, phase: 'target-primary', primary: 'target' })
    await process.migration.refresh()
    process.world.clock += 10
    await expect.poll(() => figures.some(({ side }) => side === 'target')).toBe(true)
    const first = figures.findIndex(({ side }) => side === 'target')
    await expect.poll(() => figures.slice(first).filter(({ side }) => side === 'legacy')).toHaveLength(1)
    await mirror.stop()
  })
})

describe('a journal in a long outage', () => {
  async function outage(
    rows: number,
    compactAbove: number,
  ): Promise<Process & { readonly world: World; readonly mirror: Mirror; mend(): void }> {
    let down = false
    const process = await inPhase('dual-write', {
      sleep: realSleep,
      targetStep: async () => {
        if (down) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      },
    })
    for (let write = 0; write < rows; write++) await process.members.save([{ member_id: write % 3, mail: `${write}` }])
    down = true
    const mirror = createMirror(process.migration, { compactAbove, statsMs: 1, pollMs: 1, firstPauseMs: 60_000 })
    return {
      ...process,
      mirror,
      mend() {
        down = false
      },
    }
  }
  const depth = async (process: Process): Promise<number> =>
    (await process.migration.sides.legacy.journal.stats()).depth

  it('comes down to one row per key, and carries the last write of each when the target is back', async () => {
    const process = await outage(60, 10)
    process.mirror.start()
    await expect.poll(() => depth(process)).toBe(3)
    process.mend()
    await process.migration.stop()
    expect(process.accounts.rows().map((row) => row.email)).toEqual(['57', '58', '59'])
    expect(await depth(process)).toBe(0)
  })

  it('is drained by a small probe first, then by batches that grow', async () => {
    const process = await outage(0, 1_000_000)
    const batches = collect(process, 'mirror-batch')
    process.mirror.start()
    await process.members.save(Array.from({ length: 1_000 }, (_, id) => ({ member_id: id, mail: `${id}` })))
    await expect.poll(() => batches.length).toBe(1)
    process.mend()
    process.world.clock += 60_000
    await expect.poll(() => depth(process)).toBe(0)
    expect(batches.map((event) => (event as { readonly rows: number }).rows)).toEqual([
      0, 10, 20, 40, 80, 160, 320, 370,
    ])
    await process.migration.stop()
  })

  it('is left alone while it is short', async () => {
    const process = await outage(60, 60)
    const measured = collect(process, 'journal')
    process.mirror.start()
    await expect.poll(() => measured.length).toBeGreaterThan(0)
    expect(await depth(process)).toBe(60)
    await process.migration.stop()
  })
})
