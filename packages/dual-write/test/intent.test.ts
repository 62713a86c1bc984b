import type { Migration, TwinspanEvent } from '@twinspan/core'
import { describe, expect, it } from 'vitest'
import { createMirror, type DualWriteOptions, dualWrite, write } from '../src/index.ts'
import { inPhase, type Member, type ProcessOptions } from './world.ts'

interface Repository {
  put(member: Member): Promise<Member>
  create(mail: string): Promise<Member>
}

const LOST = new Error('the connection is gone')
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A process in dual-write whose legacy is captured by intent, with a repository that nobody sees into. */
async function intending(
  options: ProcessOptions = {},
  { refused }: Pick<DualWriteOptions<Repository>, 'refused'> = {},
) {
  const steps: string[] = []
  const broken = { begin: false, end: false, store: false, call: undefined as Error | undefined }
  const process = await inPhase('dual-write', {
    capture: { legacy: 'intent', target: 'trigger' },
    legacyStep: async (what) => {
      if (/intent|save|call/.test(what)) steps.push(what)
      if (broken.begin && what === 'begin intent') throw LOST
      if (broken.end && what === 'end intents') throw LOST
    },
    targetStep: async (what) => {
      if (broken.store && what.includes('findings')) throw LOST
    },
    ...options,
  })
  const { migration, users, members, accounts } = process
  const legacy: Repository = {
    async put(member) {
      steps.push('call')
      if (broken.call !== undefined) throw broken.call
      await members.save([member])
      return member
    },
    async create(mail) {
      steps.push('call')
      if (broken.call !== undefined) throw broken.call
      const member = { member_id: 100 + members.rows().length, mail }
      await members.save([member])
      return member
    },
  }
  const target: Repository = {
    async put(member) {
      await accounts.save([{ id: member.member_id, email: member.mail }])
      return member
    },
    create: () => Promise.reject(new Error('not here')),
  }
  const repository = dualWrite<Repository>(migration, users, {
    legacy,
    target,
    operations: {
      put: write({ key: ({ member_id }) => member_id }),
      create: write({ key: (_mail, created) => created.member_id }),
    },
    ...(refused === undefined ? {} : { refused }),
    shadowRate: 0,
  })
  return { ...process, repository, legacyRepository: legacy, broken, steps }
}

const journalOf = ({ sides }: Migration) => sides.legacy.journal
const marked = async (migration: Migration): Promise<readonly string[]> =>
  (await journalOf(migration).read({ limit: 100 })).map(({ key }) => key)
const gapsOf = ({ store }: Migration) => store.findings({ kind: 'capture-gap' })

describe("a write with capture: 'intent'", () => {
  it('is on record before the call is made, and marked after it', async () => {
    const { repository, migration, steps } = await intending()
    const answer = { member_id: 7, mail: 'a' }
    expect(await repository.put(answer)).toBe(answer)
    await turn()
    expect(steps.slice(0, 3)).toEqual(['begin intent', 'intent begun', 'call'])
    expect(steps.slice(-2)).toEqual(['end intents', 'intents ended'])
    expect(await marked(migration)).toEqual(['7'])
  })

  it('is dirty while the call is under way, and copied by nobody', async () => {
    const { migration, repository, members, accounts } = await intending()
    const { save } = members
    let during: unknown
    Object.assign(members, {
      async save(rows: Member[]) {
        await save(rows)
        during = [
          await journalOf(migration).dirty('users', ['7']),
          await createMirror(migration).drain(),
          accounts.rows(),
        ]
      },
    })
    await repository.put({ member_id: 7, mail: 'a' })
    expect(during).toMatchObject([new Set(['7']), { depth: 1 }, []])
    await turn()
    expect(await createMirror(migration).drain()).toMatchObject({ depth: 0 })
    expect(accounts.rows()).toEqual([{ id: 7, email: 'a' }])
  })

  it('answers without waiting for the mark, which comes when the journal is back', async () => {
    const { repository, migration, broken } = await intending({ sleep: async () => turn() })
    broken.end = true
    await repository.put({ member_id: 7, mail: 'a' })
    expect(await marked(migration)).toEqual([])
    expect(await journalOf(migration).stats()).toMatchObject({ depth: 1 })
    broken.end = false
    await expect.poll(() => marked(migration), { timeout: 10_000 }).toEqual(['7'])
    expect(await journalOf(migration).stats()).toMatchObject({ depth: 1 })
  })

  it('waits for the mark of a key that only the answer tells', async () => {
    const { repository, migration } = await intending()
    const { member_id } = await repository.create('a')
    expect(await marked(migration)).toEqual([String(member_id)])
  })

  it('gives the error of the call, the same object, and keeps its key dirty for as long as it may still take effect', async () => {
    const { repository, migration, broken, world } = await intending()
    const timedOut = new Error('timed out')
    broken.call = timedOut
    await expect(repository.put({ member_id: 7, mail: 'a' })).rejects.toBe(timedOut)
    await turn()
    await createMirror(migration).drain()
    expect(await journalOf(migration).stats()).toMatchObject({ depth: 1 })
    world.clock += 59_999
    expect(await createMirror(migration).drain()).toMatchObject({ depth: 1 })
    world.clock += 1
    expect(await createMirror(migration).drain()).toMatchObject({ depth: 0 })
  })

  it('brings over what a call did that was given up for lost', async () => {
    const { repository, migration, broken, world, members, accounts } = await intending()
    broken.call = new Error('timed out')
    await expect(repository.put({ member_id: 7, mail: 'a' })).rejects.toThrow()
    await turn()
    await createMirror(migration).drain()
    await members.save([{ member_id: 7, mail: 'late' }])
    world.clock += 60_000
    await createMirror(migration).drain()
    expect(accounts.rows()).toEqual([{ id: 7, email: 'late' }])
  })

  it('is over at once with an error that says so', async () => {
    const { repository, migration, broken } = await intending({}, { refused: (error) => error instanceof RangeError })
    broken.call = new RangeError('no such mail')
    await expect(repository.put({ member_id: 7, mail: 'a' })).rejects.toThrow(RangeError)
    await expect(repository.create('a')).rejects.toThrow(RangeError)
    await turn()
    expect(await createMirror(migration).drain()).toMatchObject({ depth: 0 })
    expect(await gapsOf(migration)).toEqual([])
  })

  it('becomes a gap where the call of an unknown key was lost, once its quarantine is over', async () => {
    const { repository, migration, broken, world } = await intending()
    const seen: TwinspanEvent[] = []
    migration.events.on('capture-gap', (event) => seen.push(event))
    broken.call = new Error('timed out')
    await expect(repository.create('a@b.c')).rejects.toThrow()
    await turn()
    await createMirror(migration).drain()
    expect(await gapsOf(migration)).toEqual([])
    expect(await journalOf(migration).stats()).toMatchObject({ depth: 1 })
    world.clock += 60_000
    expect(await createMirror(migration).drain()).toMatchObject({ depth: 0 })
    expect(await gapsOf(migration)).toMatchObject([{ entity: 'users', at: world.clock }])
    expect(JSON.stringify(await gapsOf(migration))).not.toContain('a@b.c')
    expect(seen).toHaveLength(1)
  })

  it('is not made, and fails by name, where it cannot be recorded', async () => {
    const { repository, broken, steps, members } = await intending()
    broken.begin = true
    await expect(repository.put({ member_id: 7, mail: 'a' })).rejects.toMatchObject({
      code: 'TWINSPAN_UNAVAILABLE',
      cause: LOST,
    })
    expect(steps).not.toContain('call')
    expect(members.rows()).toEqual([])
  })

  it('is made once, on the side that won, when the fence refuses its record', async () => {
    const { repository, migration, steps, accounts } = await intending({
      sleep: async (_, signal) => {
        await turn()
        signal?.throwIfAborted()
      },
    })
    const { legacy, target } = migration.sides
    for (const { fence } of [legacy, target]) {
      const found = await fence.read()
      const { revision, ...row } = found!.row
      await fence.change(revision, { ...row, epoch: row.epoch + 1, phase: 'target-primary', primary: 'target' })
    }
    await repository.put({ member_id: 7, mail: 'a' })
    expect(steps).not.toContain('call')
    expect(accounts.rows()).toEqual([{ id: 7, email: 'a' }])
    await migration.stop()
  })

  it('is bare in a phase that captures nothing', async () => {
    const { repository, migration, steps } = await intending()
    for (const to of ['capture', 'off'] as const) await migration.advance({ to, actor: 'ops', reason: 'test' })
    await repository.put({ member_id: 7, mail: 'a' })
    expect(steps).not.toContain('begin intent')
  })

  it('lets a repository that answers at once know that it cannot', async () => {
    const { migration, users } = await intending()
    let calls = 0
    const repository = { put: (_id: number): number => ++calls }
    const wrapped = dualWrite<typeof repository>(migration, users, {
      legacy: repository,
      target: repository,
      operations: { put: write({ key: (id) => id }) },
    })
    await expect(wrapped.put(7)).rejects.toThrow(/operations\.put takes a method that returns a promise.*made/)
    await turn()
    expect(await marked(migration)).toEqual(['7'])
    expect(() => wrapped.put(8)).toThrow(/not made/)
    expect(calls).toBe(1)
  })

  it('is seen to when its process dies, by any other one', async () => {
    const { migration, users, world, members, accounts } = await intending()
    const dying = dualWrite<Pick<Repository, 'put'>>(migration, users, {
      legacy: {
        async put(member) {
          await members.save([member])
          return new Promise(() => {})
        },
      },
      target: { put: async (member) => member },
      operations: { put: write({ key: ({ member_id }) => member_id }) },
    })
    void dying.put({ member_id: 7, mail: 'a' })
    await turn()
    expect(await createMirror(migration).drain()).toMatchObject({ depth: 1 })
    world.clock += 15_000
    expect(await createMirror(migration).drain()).toMatchObject({ depth: 1 })
    expect(accounts.rows()).toEqual([{ id: 7, email: 'a' }])
    world.clock += 60_000
    expect(await createMirror(migration).drain()).toMatchObject({ depth: 0 })
  })

  it('is held for as long as it takes', async () => {
    let beats = 0
    const process = await intending({
      sleep: async (ms, signal) => {
        await turn()
        signal?.throwIfAborted()
        if (ms === 5_000) {
          beats++
          process.world.clock += 5_000
        }
      },
    })
    const { migration, members, repository, legacyRepository, accounts } = process
    let finish = (): void => {}
    Object.assign(legacyRepository, {
      async put(member: Member) {
        await members.save([member])
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        return member
      },
    })
    const slow = repository.put({ member_id: 7, mail: 'a' })
    await expect.poll(() => beats, { timeout: 10_000 }).toBeGreaterThan(6)
    await createMirror(migration).drain()
    expect([await marked(migration), accounts.rows()]).toEqual([[], []])
    finish()
    await slow
    await migration.stop()
    expect(await journalOf(migration).stats()).toMatchObject({ depth: 1 })
  })

  it('is ended before the migration is', async () => {
    const { migration, repository, broken } = await intending({ sleep: async () => turn() })
    broken.end = true
    await repository.put({ member_id: 7, mail: 'a' })
    const stopped = migration.stop()
    await turn()
    broken.end = false
    await stopped
    expect(await marked(migration)).toEqual(['7'])
  })
})

describe("onCaptureFailure: 'write-anyway' with capture: 'intent'", () => {
  const anyway = (options: ProcessOptions = {}) => intending({ onCaptureFailure: 'write-anyway', ...options })

  it('makes the call with its gap on record before it and after it', async () => {
    const { repository, migration, broken, members } = await anyway()
    broken.begin = true
    let recorded = 0
    let atFirst: number | undefined
    const { saveFindings } = migration.store
    Object.assign(migration.store, {
      async saveFindings(...args: Parameters<typeof saveFindings>) {
        recorded++
        atFirst ??= members.rows().length
        await saveFindings(...args)
      },
    })
    expect(await repository.put({ member_id: 7, mail: 'a' })).toEqual({ member_id: 7, mail: 'a' })
    await turn()
    expect([recorded, atFirst, members.rows().length]).toEqual([2, 0, 1])
    expect(await gapsOf(migration)).toMatchObject([{ entity: 'users' }])
  })

  it('makes no call where the gap cannot be recorded, or where nobody can say who is primary', async () => {
    const { repository, migration, broken, members } = await anyway()
    broken.begin = true
    broken.store = true
    Object.assign(migration.store, { saveFindings: () => Promise.reject(LOST) })
    await expect(repository.put({ member_id: 7, mail: 'a' })).rejects.toMatchObject({ code: 'TWINSPAN_UNAVAILABLE' })
    const second = await anyway()
    second.broken.begin = true
    Object.assign(second.migration.sides.target.fence, { read: () => Promise.reject(LOST) })
    await expect(second.repository.put({ member_id: 7, mail: 'a' })).rejects.toMatchObject({
      code: 'TWINSPAN_UNAVAILABLE',
    })
    expect([members.rows(), second.members.rows()]).toEqual([[], []])
  })

  it('makes no call where the other side knows of a newer epoch', async () => {
    const { repository, migration, broken, members } = await anyway({ switchWaitMs: 0 })
    broken.begin = true
    const { fence } = migration.sides.target
    const { revision, ...row } = (await fence.read())!.row
    await fence.change(revision, { ...row, epoch: row.epoch + 1, phase: 'target-primary', primary: 'target' })
    await repository.put({ member_id: 7, mail: 'a' }).catch(() => {})
    expect(members.rows()).toEqual([])
  })
})
