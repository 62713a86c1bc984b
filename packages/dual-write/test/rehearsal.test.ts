import type { EventOf } from '@twinspan/core'
import { describe, expect, it } from 'vitest'
import { createMirror, type DualWriteOptions, dualWrite, type MirrorOptions, write } from '../src/index.ts'
import {
  createProcess,
  createWorld,
  inPhase,
  type Member,
  type Process,
  type ProcessOptions,
  type User,
  type World,
} from './world.ts'

interface Members {
  put(member: Member): Promise<Member>
  create(mail: string): Promise<Member>
  remove(id: number): Promise<void>
}

/** What the target's methods do, in the transaction that they are given. */
interface TargetMethods {
  put?: (transaction: unknown, member: Member) => Promise<unknown>
  create?: (transaction: unknown, mail: string) => Promise<unknown>
  remove?: (transaction: unknown, id: number) => Promise<unknown>
}

interface Rehearsing extends Process {
  readonly world: World
  readonly repo: Members
  readonly seen: EventOf<'rehearsal'>[]
  readonly mirror: ReturnType<typeof createMirror>
}

async function rehearsing(
  methods: TargetMethods = {},
  {
    phase = 'shadow',
    mirror: mirrorOptions = {},
    put = {},
    ...options
  }: ProcessOptions & {
    readonly phase?: 'dual-write' | 'shadow' | 'canary'
    readonly mirror?: MirrorOptions
    readonly put?: object
  } = {},
  world?: World,
): Promise<Rehearsing> {
  const process = await inPhase(phase, options, world)
  const { members, accounts, migration } = process
  const seen: EventOf<'rehearsal'>[] = []
  migration.events.on('rehearsal', (event) => seen.push(event))
  let lastId = 100
  const legacy: Members = {
    async put(member) {
      await members.save([member])
      return member
    },
    async create(mail) {
      const member = { member_id: ++lastId, mail }
      await members.save([member])
      return member
    },
    remove: (id) => members.remove([id]),
  }
  const save = (transaction: unknown, row: User): Promise<void> => accounts.save([row], { transaction })
  const repo = dualWrite<Members>(migration, process.users, {
    legacy,
    target: (transaction) =>
      ({
        put:
          methods.put?.bind(null, transaction) ??
          (async (member: Member) => {
            await save(transaction, { id: member.member_id, email: member.mail })
            return member
          }),
        create:
          methods.create?.bind(null, transaction) ??
          (async (mail: string) => {
            await save(transaction, { id: 999, email: mail })
            return { member_id: 999, mail }
          }),
        remove: methods.remove?.bind(null, transaction) ?? ((id: number) => accounts.remove([id], { transaction })),
      }) as Members,
    operations: {
      put: write({ key: (member) => member.member_id, mirror: 'call', ...put }),
      create: write({ key: (_mail, created) => created.member_id, mirror: 'call' }),
      remove: write({ key: (id) => id, mirror: 'call' }),
    },
  })
  return { ...process, repo, seen, mirror: createMirror(migration, mirrorOptions) }
}

const outcomes = ({ seen }: Rehearsing): string[] =>
  seen.map(({ outcome, reason }) => (reason === undefined ? outcome : `${outcome} (${reason})`))
const findings = async ({ migration }: Rehearsing): Promise<unknown[]> =>
  (await migration.store.findings({ kind: 'rehearsal' })).map(({ subject, detail }) => ({ subject, detail }))

describe("a write with mirror: 'call'", () => {
  it.each(['dual-write', 'shadow', 'canary'] as const)(
    'is tried on the target in %s, and the copy stays',
    async (phase) => {
      const process = await rehearsing({}, { phase })
      await process.repo.put({ member_id: 1, mail: 'a' })
      await process.mirror.drain()
      expect(outcomes(process)).toEqual(['match'])
      expect(process.accounts.rows()).toEqual([{ id: 1, email: 'a' }])
      await process.repo.put({ member_id: 1, mail: 'b' })
      await process.repo.remove(1).then(() => process.mirror.drain())
      expect(process.accounts.rows()).toEqual([])
    },
  )

  it('names the fields that the method leaves otherwise, never their values, and leaves the image', async () => {
    const process = await rehearsing({
      put: (transaction, { member_id }) => process.accounts.save([{ id: member_id, email: 'WRONG' }], { transaction }),
    })
    await process.repo.put({ member_id: 1, mail: 'right' })
    await process.mirror.drain()
    expect(process.seen).toEqual([
      {
        type: 'rehearsal',
        entity: 'users',
        operation: 'put',
        outcome: 'mismatch',
        reason: 'fields',
        fields: ['email'],
      },
    ])
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'right' }])
    await expect.poll(() => findings(process)).toHaveLength(1)
    const found = JSON.stringify(await findings(process))
    expect(found).toContain('"fields":["email"]')
    expect(found).not.toMatch(/WRONG|right/)
  })

  it('tells a row that the method forgot from one that it made or left by mistake', async () => {
    const process = await rehearsing({ put: async () => {}, remove: async () => {} })
    await process.repo.put({ member_id: 1, mail: 'a' })
    await process.mirror.drain()
    await process.repo.remove(1)
    await process.mirror.drain()
    expect(outcomes(process)).toEqual(['mismatch (missing-row)', 'mismatch (extra-row)'])
    expect(process.accounts.rows()).toEqual([])
  })

  it('counts what the method throws, redacted, and copies all the same', async () => {
    const process = await rehearsing({
      put: async () => {
        throw Object.assign(new Error('duplicate alice@example.org'), { code: '23505' })
      },
    })
    await process.repo.put({ member_id: 1, mail: 'a' })
    expect(await process.mirror.drain()).toMatchObject({ depth: 0 })
    expect(process.seen).toMatchObject([{ outcome: 'error', error: 'Error (23505)' }])
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'a' }])
    await expect.poll(() => findings(process)).toHaveLength(1)
    expect(JSON.stringify(await findings(process))).not.toContain('alice')
  })

  it('takes back everything that the method did, other rows included', async () => {
    const process = await rehearsing({
      put: (transaction, { member_id, mail }) =>
        process.accounts.save(
          [
            { id: member_id, email: mail },
            { id: 77, email: 'on the side' },
          ],
          { transaction },
        ),
    })
    await process.repo.put({ member_id: 1, mail: 'a' })
    await process.mirror.drain()
    expect(outcomes(process)).toEqual(['match'])
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'a' }])
  })

  it('finds the row of a method that makes its own keys by what it answers', async () => {
    const process = await rehearsing()
    await process.repo.create('a')
    await process.mirror.drain()
    expect(outcomes(process)).toEqual(['match'])
    expect(process.accounts.rows()).toEqual([{ id: 101, email: 'a' }])
  })

  it('compares answers where it is told how', async () => {
    const clean = (member: Member): string => member.mail
    const process = await rehearsing(
      {
        put: async (transaction, { member_id, mail }) => {
          await process.accounts.save([{ id: member_id, email: mail }], { transaction })
          return { member_id, mail: mail === 'a' ? 'another' : mail }
        },
      },
      { put: { clean } },
    )
    for (const mail of ['a', 'b']) {
      await process.repo.put({ member_id: 1, mail })
      await process.mirror.drain()
    }
    expect(outcomes(process)).toEqual(['mismatch (result)', 'match'])
  })

  it('leaves fields alone that the method may fill in its own way', async () => {
    const process = await rehearsing(
      {
        put: (transaction, { member_id }) => process.accounts.save([{ id: member_id, email: 'own' }], { transaction }),
      },
      { put: { ignoreFields: ['email'] } },
    )
    await process.repo.put({ member_id: 1, mail: 'a' })
    await process.mirror.drain()
    expect(outcomes(process)).toEqual(['match'])
  })

  it('is not tried when another write of the key is pending, whoever made it', async () => {
    const tried: number[] = []
    const process = await rehearsing({
      put: async (transaction, { member_id, mail }) => {
        tried.push(member_id)
        await process.accounts.save([{ id: member_id, email: mail }], { transaction })
      },
    })
    // Two calls and, after the compaction, one row; then a call and two rows; then one of each.
    await process.repo.put({ member_id: 1, mail: 'a' })
    await process.repo.put({ member_id: 1, mail: 'b' })
    await process.migration.sides.legacy.journal.compact?.({ limit: 10 })
    await process.repo.put({ member_id: 2, mail: 'c' })
    await process.members.save([{ member_id: 2, mail: 'psql' }])
    await process.repo.put({ member_id: 3, mail: 'd' })
    await process.mirror.drain()
    expect(tried).toEqual([3])
    expect(outcomes(process).sort()).toEqual([
      'match',
      'skipped (other-writes)',
      'skipped (other-writes)',
      'skipped (other-writes)',
    ])
  })

  it('says nothing of a write that came while it was compared', async () => {
    const process = await rehearsing({
      put: async () => {
        await process.members.save([{ member_id: 1, mail: 'newer' }])
      },
    })
    await process.repo.put({ member_id: 1, mail: 'a' })
    await process.mirror.drain()
    expect(outcomes(process)).toEqual(['skipped (other-writes)'])
  })

  it('says nothing of a write that another process has copied', async () => {
    const process = await rehearsing({
      put: async () => {
        throw new Error('duplicate')
      },
    })
    const other = createProcess(process.world)
    await other.migration.start()
    await process.repo.put({ member_id: 1, mail: 'a' })
    await createMirror(other.migration).drain()
    await process.mirror.drain()
    expect(outcomes(process)).toEqual(['skipped (copied)'])
    // Copied, but its journal row is still there: the other process died in between.
    await process.repo.put({ member_id: 2, mail: 'b' })
    process.world.target.tables.get('users')!.rows.set('2', { id: 2, email: 'b' })
    await process.mirror.drain()
    expect(outcomes(process)).toEqual(['skipped (copied)', 'skipped (copied)'])
  })

  it('does not blame the method for history that is not there yet, before phases that compare', async () => {
    const update: TargetMethods = { put: async () => {} }
    const early = await rehearsing(update, { phase: 'dual-write' })
    await early.repo.put({ member_id: 1, mail: 'a' })
    await early.mirror.drain()
    expect(outcomes(early)).toEqual(['skipped (no-row)'])
    const late = await rehearsing(update, { phase: 'shadow' })
    await late.repo.put({ member_id: 1, mail: 'a' })
    await late.mirror.drain()
    expect(outcomes(late)).toEqual(['mismatch (missing-row)'])
  })

  it('finds the parent that was written before its child', async () => {
    const process = await rehearsing({
      put: async (transaction, { member_id, mail }) => {
        if (member_id === 2 && (await process.accounts.load([1], { transaction })).length === 0) throw new Error('fk')
        await process.accounts.save([{ id: member_id, email: mail }], { transaction })
      },
    })
    await process.repo.put({ member_id: 1, mail: 'parent' })
    await process.repo.put({ member_id: 2, mail: 'child' })
    await process.mirror.drain()
    expect(outcomes(process)).toEqual(['match', 'match'])
  })

  it('copies without it after a method that hangs, and leaves the operation alone for a while', async () => {
    const process = await rehearsing({ put: () => new Promise(() => {}) }, { mirror: { rehearsalMs: 40 } })
    const began = performance.now()
    await process.repo.put({ member_id: 1, mail: 'a' })
    expect(await process.mirror.drain()).toMatchObject({ depth: 0 })
    expect(performance.now() - began).toBeLessThan(1_000)
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'a' }])
    await process.repo.put({ member_id: 1, mail: 'b' })
    await process.mirror.drain()
    expect(process.seen.map(({ outcome, reason, error }) => reason ?? `${outcome} ${error}`)).toEqual([
      expect.stringMatching(/^error TimeoutError/),
      'resting',
    ])
    process.world.clock += 60_001
    await process.migration.refresh()
    await process.repo.put({ member_id: 1, mail: 'c' })
    await process.mirror.drain()
    expect(outcomes(process)).toHaveLength(3)
    expect(process.seen[2]?.outcome).toBe('error')
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'c' }])
  })

  it('is never tried again when it ended the transaction by itself, and the copy arrives', async () => {
    const process = await rehearsing({
      put: async (transaction) => {
        await (transaction as { commit(): Promise<void> }).commit()
      },
    })
    for (const mail of ['a', 'b']) {
      await process.repo.put({ member_id: 1, mail })
      expect(await process.mirror.drain()).toMatchObject({ depth: 0 })
      process.world.clock += 3_600_000
      await process.migration.refresh()
    }
    expect(process.seen).toMatchObject([
      { outcome: 'error', error: expect.stringContaining('TransactionEndedError') },
      { outcome: 'skipped', reason: 'resting' },
    ])
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'b' }])
  })

  it('is never tried again when it wrote on another connection, and the copy arrives', async () => {
    const process = await rehearsing({
      put: (_transaction, { member_id }) => process.accounts.save([{ id: member_id, email: 'elsewhere' }]),
    })
    for (const mail of ['a', 'b']) {
      await process.repo.put({ member_id: 1, mail })
      await process.mirror.drain()
      process.world.clock += 3_600_000
      await process.migration.refresh()
    }
    expect(outcomes(process)).toEqual(['error (escaped)', 'skipped (resting)'])
    expect(process.accounts.rows()).toEqual([{ id: 1, email: 'b' }])
  })

  it('is not tried on a side that cannot take it back, and is copied as ever', async () => {
    const tried: number[] = []
    const process = await rehearsing({ put: async (_transaction, { member_id }) => tried.push(member_id) })
    const { target } = process.migration.sides
    const { copy } = target
    let copies = 0
    target.copy = (request, work) =>
      copy(request, ({ attempt: _, ...held }) => {
        copies++
        return work(held)
      })
    for (const id of [1, 2]) {
      await process.repo.put({ member_id: id, mail: `${id}` })
      await process.mirror.drain()
    }
    expect(tried).toEqual([])
    expect(outcomes(process)).toEqual(['skipped (unsupported)', 'skipped (unsupported)'])
    expect(process.accounts.rows()).toHaveLength(2)
    // Found out once; from then on nothing is copied in vain.
    expect(copies).toBe(3)
  })

  it('gives way when the mirror is behind', async () => {
    const process = await rehearsing()
    for (let id = 1; id <= 21; id++) await process.repo.put({ member_id: id, mail: `${id}` })
    await process.mirror.drain()
    expect(new Set(outcomes(process))).toEqual(new Set(['skipped (busy)']))
    expect(process.accounts.rows()).toHaveLength(21)
  })

  it('holds a bounded number of calls, and none without a mirror', async () => {
    const process = await rehearsing()
    for (let id = 1; id <= 300; id++) await process.repo.put({ member_id: id, mail: `${id}` })
    expect(outcomes(process)).toEqual(Array.from({ length: 100 }, () => 'skipped (busy)'))
    process.mirror.start()
    await process.mirror.stop()
    expect(process.accounts.rows()).toHaveLength(300)
    const counted = process.seen.length
    await process.repo.put({ member_id: 1, mail: 'nobody looks' })
    await createMirror(process.migration).drain()
    expect(process.seen).toHaveLength(counted)
  })

  it('keeps the poisoned neighbour of a rehearsed key from failing its copy twice', async () => {
    const process = await rehearsing({}, { mirror: { firstRetryMs: 1 } })
    process.world.target.tables.get('users')!.rows.set('99', { id: 99, email: 'taken' })
    await process.members.save([{ member_id: 3, mail: 'taken' }])
    await process.repo.put({ member_id: 1, mail: 'a' })
    await process.mirror.drain()
    process.world.clock += 60_000
    await process.migration.refresh()
    await process.repo.put({ member_id: 1, mail: 'b' })
    await process.mirror.drain()
    expect(outcomes(process)).toEqual(['skipped (copy-failed)', 'skipped (busy)'])
    expect(process.accounts.rows()).toContainEqual({ id: 1, email: 'b' })
  })

  it('does not reach the request: not its time, not its errors, not its signal', async () => {
    const signals: unknown[] = []
    const request = new AbortController()
    const process = await rehearsing({
      put: async (transaction, member) => {
        signals.push((member as { signal?: AbortSignal }).signal)
        await process.accounts.save([{ id: member.member_id, email: member.mail }], { transaction })
      },
    })
    const member = { member_id: 1, mail: 'a', signal: request.signal }
    Object.defineProperty(process.members, 'save', {
      value: (
        (save) => (rows: readonly Member[]) =>
          save(rows.map(({ member_id, mail }) => ({ member_id, mail })))
      )(process.members.save),
    })
    expect(await process.repo.put(member)).toBe(member)
    request.abort()
    await process.mirror.drain()
    expect(signals).toEqual([undefined])
    expect(outcomes(process)).toEqual(['match'])
  })
})

describe('I5 whatever the methods do', () => {
  type Misbehaviour = (process: Rehearsing, transaction: unknown, member: Member) => Promise<unknown>
  const misbehaviours: readonly Misbehaviour[] = [
    ({ accounts }, transaction, { member_id, mail }) =>
      accounts.save([{ id: member_id, email: mail }], { transaction }),
    ({ accounts }, transaction, { member_id }) => accounts.save([{ id: member_id, email: 'wrong' }], { transaction }),
    ({ accounts }, transaction) => accounts.remove([1, 2, 3], { transaction }),
    () => Promise.reject(new Error('broken')),
    () => new Promise(() => {}),
    async ({ accounts }, transaction, { member_id }) => {
      await accounts.save([{ id: member_id, email: 'committed' }], { transaction })
      await (transaction as { commit(): Promise<void> }).commit()
    },
  ]

  it.each([1, 2, 3])('both sides agree when two mirrors are done (seed %i)', async (seed) => {
    let state = seed
    const random = (below: number): number => {
      state = (state * 48_271) % 2_147_483_647
      return state % below
    }
    const world = createWorld()
    const start = async (): Promise<Rehearsing> => {
      const made: { process?: Rehearsing } = {}
      made.process = await rehearsing(
        {
          put: async (transaction, member) =>
            misbehaviours[random(misbehaviours.length)]?.(made.process as Rehearsing, transaction, member),
        },
        {
          mirror: { rehearsalMs: 10, pollMs: 1, restMs: 1 },
          sleep: (ms, signal) =>
            new Promise((resolve, reject) => {
              signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
              setTimeout(resolve, Math.min(ms, 5)).unref()
            }),
        },
        world,
      )
      return made.process
    }
    const both = [await start(), await start()] as const
    for (const { mirror } of both) mirror.start()
    for (let turn = 0; turn < 60; turn++) {
      const process = both[random(2) as 0 | 1]
      const member_id = 1 + random(3)
      if (random(5) === 0) await process.repo.remove(member_id)
      else await process.repo.put({ member_id, mail: `${turn}` })
      if (random(3) === 0) await new Promise((resolve) => setTimeout(resolve, 1))
      // Whoever rests is tried again.
      if (random(10) === 0) world.clock += 60_001
      for (const { migration } of both) await migration.refresh()
    }
    for (const { mirror } of both) await mirror.stop()
    expect(await createMirror(both[0].migration).drain()).toMatchObject({ depth: 0 })
    const { members, accounts } = both[0]
    expect(accounts.rows()).toEqual(members.rows().map(({ member_id, mail }) => ({ id: member_id, email: mail })))
    expect(new Set([...both[0].seen, ...both[1].seen].map(({ outcome }) => outcome)).size).toBeGreaterThan(2)
  })
})

describe('what cannot be rehearsed is refused by name', () => {
  const bad = async (operations: object, target?: object): Promise<unknown> => {
    const process = await inPhase('off')
    const repository = { put: async (): Promise<void> => {} }
    const options = { legacy: repository, target: target ?? (() => repository), operations }
    try {
      dualWrite(process.migration, process.users, options as unknown as DualWriteOptions<typeof repository>)
    } catch (error) {
      return (error as { option?: string }).option
    }
    return undefined
  }

  it('a target that is not a function', async () => {
    expect(await bad({ put: write({ key: () => 1, mirror: 'call' }) }, { put: async () => {} })).toBe('target')
    expect(await bad({ put: write({ key: () => 1 }) }, { put: async () => {} })).toBeUndefined()
  })

  it('a write of several keys, and a word that is none', async () => {
    expect(await bad({ put: { kind: 'write', options: { keys: () => [1], mirror: 'call' } } })).toBe(
      'operations.put.mirror',
    )
    expect(await bad({ put: { kind: 'write', options: { key: () => 1, mirror: 'Call' } } })).toBe(
      'operations.put.mirror',
    )
  })

  it.each([{ shadowRate: 2 }, { timeoutMs: 0 }])('a read whose %j cannot be meant', async (options) => {
    expect(await bad({ put: { kind: 'read', options } })).toBe(`operations.put.${Object.keys(options)[0]}`)
  })

  it.each([{ rehearsalMs: 0 }])('a mirror whose %j cannot be meant', async (options) => {
    const process = await inPhase('off')
    expect(() => createMirror(process.migration, options)).toThrow(expect.objectContaining({ option: 'rehearsalMs' }))
  })
})
