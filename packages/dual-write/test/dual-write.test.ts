import { otherSide, type SideName, type TwinspanEvent } from '@twinspan/core'
import type { Step } from '@twinspan/core/testing'
import { describe, expect, it } from 'vitest'
import { createMirror, type Decider, type DualWriteOptions, dualWrite, local, read, write } from '../src/index.ts'
import { createWorld, inPhase, type Member, type Process, type ProcessOptions, type World } from './world.ts'

interface Repository {
  find(id: number): Promise<Member | undefined>
  findByMail(mail: string): Promise<Member | undefined>
  put(member: Member, note?: string): Promise<Member>
  side(): string
}

class LegacyMembers implements Repository {
  readonly #process: Process
  readonly #transaction: unknown
  constructor(process: Process, transaction?: unknown) {
    this.#process = process
    this.#transaction = transaction
  }
  async find(id: number): Promise<Member | undefined> {
    return (await this.#process.members.load([id]))[0]
  }
  async findByMail(mail: string): Promise<Member | undefined> {
    return (await this.#process.members.scan({ limit: 100 })).find((row) => row.mail === mail)
  }
  async put(member: Member): Promise<Member> {
    await this.#process.members.save([member], { transaction: this.#transaction })
    return member
  }
  side(): string {
    return 'legacy'
  }
}

class TargetMembers implements Repository {
  readonly #process: Process
  readonly #transaction: unknown
  constructor(process: Process, transaction?: unknown) {
    this.#process = process
    this.#transaction = transaction
  }
  async find(id: number): Promise<Member | undefined> {
    const [row] = await this.#process.accounts.load([id])
    return row && { member_id: row.id, mail: row.email }
  }
  async findByMail(mail: string): Promise<Member | undefined> {
    const row = (await this.#process.accounts.scan({ limit: 100 })).find((one) => one.email === mail)
    return row && { member_id: row.id, mail: row.email }
  }
  async put(member: Member): Promise<Member> {
    await this.#process.accounts.save([{ id: member.member_id, email: member.mail }], {
      transaction: this.#transaction,
    })
    return member
  }
  side(): string {
    return 'target'
  }
}

const everybody: Decider = { decide: () => ({ side: 'target' }) }

function wrap(process: Process, options: Partial<DualWriteOptions<Repository>> = {}): Repository {
  return dualWrite<Repository>(process.migration, process.users, {
    legacy: new LegacyMembers(process),
    target: new TargetMembers(process),
    operations: {
      find: read({ unit: (id) => String(id), key: (id) => id }),
      findByMail: read({ unit: (mail) => mail }),
      put: write({ key: (_member, _note, saved) => saved.member_id }),
      side: local(),
    },
    shadowRate: 0,
    ...options,
  })
}

function collect<Type extends TwinspanEvent['type']>(
  process: Process,
  type: Type,
): Extract<TwinspanEvent, { type: Type }>[] {
  const seen: Extract<TwinspanEvent, { type: Type }>[] = []
  process.migration.events.on(type, (event) => seen.push(event as never))
  return seen
}

/** Moves the primary as a finished cutover would, without its gates. */
async function switchTo(primary: SideName, process: Process): Promise<void> {
  const { legacy, target } = process.migration.sides
  const phase = primary === 'target' ? 'target-primary' : 'canary'
  await target.capture.install([{ name: 'users', store: process.accounts }])
  const from = otherSide(primary) === 'legacy' ? legacy : target
  const found = await from.fence.read()
  const { revision, ...row } = found!.row
  await from.fence.change(revision, { ...row, epoch: row.epoch + 1, phase, primary, open: true })
}

describe('dualWrite', () => {
  it('passes the wrapped repository off as itself: instanceof, bound methods, private fields, a frozen object', async () => {
    const process = await inPhase('dual-write')
    const repo = wrap(process, { legacy: Object.freeze(new LegacyMembers(process)) })
    expect(repo).toBeInstanceOf(LegacyMembers)
    expect('put' in repo).toBe(true)
    const { put } = repo
    const member = { member_id: 1, mail: 'a' }
    expect(await put(member)).toBe(member)
    expect(repo.side()).toBe('legacy')
  })

  it('names the methods that nobody classified, and lets internal ones be', async () => {
    const process = await inPhase('off')
    class Extended extends LegacyMembers {
      async purge(): Promise<void> {}
    }
    expect(() => wrap(process, { legacy: new Extended(process) })).toThrow(
      expect.objectContaining({ code: 'TWINSPAN_MISSING_OPERATION', operations: ['purge'] }),
    )
    expect(wrap(process, { legacy: new Extended(process), internal: ['purge'] })).toBeInstanceOf(Extended)
  })

  it('names an operation that one of the repositories does not have', async () => {
    const process = await inPhase('off')
    const lacking = { find: async () => undefined } as unknown as Repository
    expect(() => wrap(process, { target: lacking })).toThrow(
      expect.objectContaining({ option: 'operations.findByMail' }),
    )
  })

  it.each([{ shadowRate: 2 }, { readTimeoutMs: 0 }, { shadowInFlight: 1.5 }])(
    'names the bad option in %j',
    async (options) => {
      const process = await inPhase('off')
      expect(() => wrap(process, options)).toThrow(expect.objectContaining({ option: Object.keys(options)[0] }))
    },
  )
})

describe('a write', () => {
  it.each(['capture', 'dual-write', 'shadow', 'canary'] as const)(
    'goes to legacy alone in %s, leaves its key dirty, and hints the mirror',
    async (phase) => {
      const process = await inPhase(phase)
      const hints = collect(process, 'dirty')
      await wrap(process, { router: everybody }).put({ member_id: 7, mail: 'a' })
      expect(process.members.rows()).toEqual([{ member_id: 7, mail: 'a' }])
      expect(process.accounts.rows()).toEqual([])
      expect((await process.migration.sides.legacy.journal.read({ limit: 10 })).map((row) => row.key)).toEqual(['7'])
      expect(hints).toEqual([{ type: 'dirty', entity: 'users', keys: ['7'] }])
    },
  )

  it('I8 is not felt by the caller when the target hangs', async () => {
    let hanging = false
    const process = await inPhase('dual-write', {
      timeoutMs: 20,
      targetStep: () => (hanging ? new Promise(() => {}) : Promise.resolve()),
    })
    const mirror = createMirror(process.migration, { timeoutMs: 20 })
    mirror.start()
    hanging = true
    for (let id = 1; id <= 100; id++) await wrap(process).put({ member_id: id, mail: `${id}` })
    expect((await process.migration.sides.legacy.journal.stats()).depth).toBe(100)
    await mirror.stop({ budgetMs: 50 })
  })

  it('I9 gives the caller the error object of the primary', async () => {
    const process = await inPhase('dual-write')
    const mine = new Error('mine')
    const broken = new LegacyMembers(process)
    broken.put = () => Promise.reject(mine)
    const failures = collect(process, 'write')
    await expect(wrap(process, { legacy: broken }).put({ member_id: 1, mail: 'a' })).rejects.toBe(mine)
    broken.put = () => {
      throw mine
    }
    expect(() => wrap(process, { legacy: broken }).put({ member_id: 1, mail: 'a' })).toThrow(mine)
    expect(failures.map((event) => event.failedOn)).toEqual(['primary', 'primary'])
  })

  it('succeeds when its key function throws: it is committed and captured already', async () => {
    const process = await inPhase('dual-write')
    const repo = dualWrite<Pick<Repository, 'put'>>(process.migration, process.users, {
      legacy: { put: (member) => new LegacyMembers(process).put(member) },
      target: { put: (member) => new TargetMembers(process).put(member) },
      operations: {
        put: write({
          key: () => {
            throw new Error('no key')
          },
        }),
      },
    })
    await repo.put({ member_id: 1, mail: 'a' })
    expect((await process.migration.sides.legacy.journal.stats()).depth).toBe(1)
  })

  it('is sent once more, to the other side, when the fence refused it', async () => {
    const process = await inPhase('canary')
    const repo = wrap(process)
    await switchTo('target', process)
    expect(process.migration.snapshot.phase).toBe('canary')
    await repo.put({ member_id: 3, mail: 'moved' })
    expect(process.migration.snapshot.phase).toBe('target-primary')
    expect(process.members.rows()).toEqual([])
    expect(process.accounts.rows()).toEqual([{ id: 3, email: 'moved' }])
  })

  it('waits out a switch that is undone, and lands on legacy', async () => {
    const process = await inPhase('canary', {
      sleep: (_, signal) =>
        signal
          ? new Promise((_r, reject) => signal.addEventListener('abort', reject))
          : new Promise((resolve) => setTimeout(resolve, 1)),
    })
    const { fence } = process.migration.sides.legacy
    const { revision, ...row } = (await fence.read())!.row
    await fence.change(revision, {
      ...row,
      open: false,
      pending: { to: 'target-primary', instance: 'x', deadline: process.world.clock + 10_000 },
    })
    const pending = wrap(process).put({ member_id: 3, mail: 'kept' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(process.members.rows()).toEqual([])
    await fence.change(revision + 1, row)
    await pending
    expect(process.members.rows()).toEqual([{ member_id: 3, mail: 'kept' }])
  })

  it('fails with StalePhaseError when a switch outlasts the wait', async () => {
    const process = await inPhase('canary', { switchWaitMs: 0 })
    const { fence } = process.migration.sides.legacy
    const { revision, ...row } = (await fence.read())!.row
    await fence.change(revision, {
      ...row,
      open: false,
      pending: { to: 'target-primary', instance: 'x', deadline: process.world.clock + 10_000 },
    })
    await expect(wrap(process).put({ member_id: 3, mail: 'a' })).rejects.toMatchObject({ code: 'TWINSPAN_STALE_PHASE' })
    expect(process.members.rows()).toEqual([])
  })

  it('waits for the mirror when it is asked to, and never longer than the budget', async () => {
    const process = await inPhase('dual-write', {
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
          setTimeout(resolve, Math.min(ms, 5))
        }),
    })
    const repo = dualWrite<Pick<Repository, 'put'>>(process.migration, process.users, {
      legacy: { put: (member) => new LegacyMembers(process).put(member) },
      target: { put: (member) => new TargetMembers(process).put(member) },
      operations: { put: write({ key: (member) => member.member_id, waitForMirror: { budgetMs: 60 } }) },
    })
    const began = performance.now()
    await repo.put({ member_id: 1, mail: 'nobody copies' })
    expect(performance.now() - began).toBeGreaterThanOrEqual(55)
    expect(process.accounts.rows()).toEqual([])
    const mirror = createMirror(process.migration)
    mirror.start()
    await repo.put({ member_id: 2, mail: 'copied' })
    expect(process.accounts.rows()).toContainEqual({ id: 2, email: 'copied' })
    await mirror.stop()
  })

  describe("with capture: 'transaction'", () => {
    const factories = (process: Process): Partial<DualWriteOptions<Repository>> => ({
      legacy: (transaction) => new LegacyMembers(process, transaction),
      target: (transaction) => new TargetMembers(process, transaction),
    })
    const start = (options: ProcessOptions = {}, world?: World): Promise<Process & { readonly world: World }> =>
      inPhase('dual-write', { capture: 'transaction', ...options }, world)

    it('commits the write and its mark together', async () => {
      const process = await start()
      await wrap(process, factories(process)).put({ member_id: 7, mail: 'a' })
      expect(process.members.rows()).toHaveLength(1)
      expect((await process.migration.sides.legacy.journal.read({ limit: 10 })).map((row) => row.key)).toEqual(['7'])
    })

    it('I1 leaves neither when the process dies before the commit', async () => {
      const world = createWorld()
      let alive = true
      const dies: Step = async (what) => {
        if (what === 'insert marks') alive = false
        if (!alive) throw new Error('killed')
      }
      const process = await start({ legacyStep: dies }, world)
      await expect(wrap(process, factories(process)).put({ member_id: 7, mail: 'a' })).rejects.toThrow('killed')
      expect(process.members.rows()).toEqual([])
      expect(world.legacy.journals.size).toBe(0)
    })

    it('refuses repositories that cannot be bound to a transaction', async () => {
      const process = await start()
      expect(() => wrap(process)).toThrow(expect.objectContaining({ option: 'legacy' }))
    })
  })
})

describe('a read', () => {
  it.each(['off', 'capture', 'dual-write', 'shadow'] as const)(
    'is answered by legacy in %s whatever the router says',
    async (phase) => {
      const process = await inPhase(phase)
      await process.legacy.transaction((transaction) =>
        process.members.save([{ member_id: 1, mail: 'legacy' }], { transaction }),
      )
      expect(await wrap(process, { router: everybody }).find(1)).toEqual({ member_id: 1, mail: 'legacy' })
    },
  )

  async function canary(options: ProcessOptions = {}): Promise<Process & { readonly world: World }> {
    const process = await inPhase('canary', options)
    await process.members.save([{ member_id: 1, mail: 'one' }])
    await createMirror(process.migration).drain()
    return process
  }

  it('is answered by the target in canary when the router says so', async () => {
    const process = await canary()
    // Only a copier may write the target; the difference shows who answered.
    process.world.target.tables.get('users')!.rows.set('1', { id: 1, email: 'from target' })
    expect(await wrap(process, { router: everybody }).find(1)).toEqual({ member_id: 1, mail: 'from target' })
    expect(await wrap(process).find(1)).toEqual({ member_id: 1, mail: 'one' })
  })

  it('G7 is never answered by the secondary while its key is dirty', async () => {
    const process = await canary()
    await process.members.save([{ member_id: 1, mail: 'newer' }])
    const reads = collect(process, 'read')
    expect(await wrap(process, { router: everybody }).find(1)).toEqual({ member_id: 1, mail: 'newer' })
    expect(reads.map((event) => [event.side, event.why])).toEqual([['legacy', 'dirty']])
  })

  it('G7 is never answered by the secondary without a key while anything of the entity is dirty', async () => {
    const process = await canary()
    await process.members.save([{ member_id: 2, mail: 'new' }])
    expect(await wrap(process, { router: everybody }).findByMail('new')).toEqual({ member_id: 2, mail: 'new' })
    await createMirror(process.migration).drain()
    const reads = collect(process, 'read')
    expect(await wrap(process, { router: everybody }).findByMail('new')).toEqual({ member_id: 2, mail: 'new' })
    expect(reads.map((event) => event.side)).toEqual(['target'])
  })

  it.each([
    ['fails', (): Promise<never> => Promise.reject(new Error('target is broken'))],
    [
      'throws',
      (): never => {
        throw new Error('target is broken')
      },
    ],
    ['hangs', (): Promise<never> => new Promise(() => {})],
  ])('falls back to legacy when the target %s, and counts it as bad', async (_, find) => {
    const process = await canary()
    const target = new TargetMembers(process)
    target.find = find
    const outcomes = collect(process, 'read-outcome')
    expect(await wrap(process, { router: everybody, target, readTimeoutMs: 20 }).find(1)).toEqual({
      member_id: 1,
      mail: 'one',
    })
    expect(outcomes.map(({ side, ok, unit }) => [side, ok, unit])).toEqual([
      ['target', false, '1'],
      ['legacy', true, '1'],
    ])
  })

  it('takes the unit that the request pinned when the operation names none, and legacy when nobody is named', async () => {
    const process = await canary()
    const asked: string[] = []
    const router: Decider = {
      decide: (unit) => {
        asked.push(unit)
        return { side: 'target' }
      },
    }
    const repo: Pick<Repository, 'find'> = dualWrite<Pick<Repository, 'find'>>(process.migration, process.users, {
      legacy: { find: (id) => new LegacyMembers(process).find(id) },
      target: { find: (id) => new TargetMembers(process).find(id) },
      operations: { find: read({ key: (id) => id }) },
      router,
      shadowRate: 0,
    })
    const reads = collect(process, 'read')
    await repo.find(1)
    await process.migration.run(
      async () => {
        await repo.find(1)
        await repo.find(1)
      },
      { unit: 'user-9' },
    )
    expect(reads.map((event) => [event.side, event.why])).toEqual([
      ['legacy', 'no-key'],
      ['target', 'router'],
      ['target', 'router'],
    ])
    // Decided once for the whole unit of work.
    expect(asked).toEqual(['user-9'])
  })

  it('is answered by legacy when this process has not heard of the phase for a lease', async () => {
    const process = await canary()
    process.world.clock += 60_000
    const reads = collect(process, 'read')
    expect(await wrap(process, { router: everybody }).find(1)).toEqual({ member_id: 1, mail: 'one' })
    expect(reads).toEqual([])
  })
})

describe('a shadow read', () => {
  async function shadowing(): Promise<Process & { readonly world: World }> {
    const process = await inPhase('shadow')
    await process.members.save([{ member_id: 1, mail: 'one' }])
    await createMirror(process.migration).drain()
    return process
  }
  const outcomesOf = async (
    process: Process,
    options: Partial<DualWriteOptions<Repository>> = {},
  ): Promise<string[]> => {
    const seen = collect(process, 'shadow-read')
    expect(await wrap(process, { shadowRate: 1, ...options }).find(1)).toEqual({ member_id: 1, mail: 'one' })
    await expect.poll(() => seen.length).toBe(1)
    return seen.map((event) => event.outcome)
  }

  it('matches', async () => {
    expect(await outcomesOf(await shadowing())).toEqual(['match'])
  })

  it('is lag, not drift, while the key is dirty', async () => {
    const process = await shadowing()
    process.world.target.tables.get('users')!.rows.set('1', { id: 1, email: 'older' })
    await process.migration.sides.legacy.journal.mark([{ entity: 'users', key: '1' }])
    expect(await outcomesOf(process)).toEqual(['lagged'])
  })

  it('is a mismatch when nothing is on its way, and leaves a finding without values', async () => {
    const process = await shadowing()
    process.world.target.tables.get('users')!.rows.set('1', { id: 1, email: 'wrong' })
    expect(await outcomesOf(process)).toEqual(['mismatch'])
    await expect
      .poll(async () => (await process.migration.store.findings()).map((finding) => finding.detail))
      .toEqual([{ operation: 'find' }])
  })

  it('times out, fails and is shed without the caller noticing', async () => {
    const process = await shadowing()
    const hangs = new TargetMembers(process)
    hangs.find = () => new Promise(() => {})
    expect(await outcomesOf(process, { target: hangs, readTimeoutMs: 10 })).toEqual(['timeout'])
    const fails = new TargetMembers(process)
    fails.find = () => Promise.reject(new Error('broken'))
    expect(await outcomesOf(process, { target: fails })).toEqual(['error'])
    expect(await outcomesOf(process, { shadowInFlight: 0 })).toEqual(['shed'])
  })

  it('is sampled before it is made', async () => {
    const process = await shadowing()
    const target = new TargetMembers(process)
    let asked = 0
    target.find = async () => {
      asked++
      return undefined
    }
    const draws = [0.5, 0.2]
    const repo = wrap(process, { target, shadowRate: 0.3, random: () => draws.shift() ?? 1 })
    for (let call = 0; call < 5; call++) await repo.find(1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(asked).toBeGreaterThan(0)
    expect(draws).toEqual([])
  })
})
