import type { TwinspanEvent } from '@twinspan/core'
import { describe, expect, it } from 'vitest'
import { type DualWriteOptions, dualWrite, write } from '../src/index.ts'
import { createProcess, createWorld, inPhase, type Member, type Process, type ProcessOptions } from './world.ts'

interface Repository {
  put(member: Member): Promise<Member>
}

const LOST = new Error('the journal is full')

/** A process in dual-write that captures by transaction, and what can be broken in it. */
async function failing(options: ProcessOptions = {}) {
  const broken = { journal: false, store: false }
  const process = await inPhase('dual-write', {
    capture: 'transaction',
    onCaptureFailure: 'write-anyway',
    legacyStep: async (what) => {
      if (broken.journal && what === 'insert marks') throw LOST
    },
    targetStep: async () => {
      if (broken.store) throw new Error('the store is gone')
    },
    ...options,
  })
  const seen: TwinspanEvent[] = []
  process.migration.events.on('capture-gap', (event) => seen.push(event))
  return {
    ...process,
    broken,
    seen,
    repository: wrap(process),
    gaps: () => process.migration.store.findings({ kind: 'capture-gap' }),
  }
}

function wrap({ migration, users, members, accounts }: Process): Repository {
  const sources: Pick<DualWriteOptions<Repository>, 'legacy' | 'target'> = {
    legacy: (transaction: unknown) => ({
      async put(member) {
        await members.save([member], { transaction })
        return member
      },
    }),
    target: (transaction: unknown) => ({
      async put(member) {
        await accounts.save([{ id: member.member_id, email: member.mail }], { transaction })
        return member
      },
    }),
  }
  return dualWrite<Repository>(migration, users, {
    ...sources,
    operations: { put: write({ key: (_member, saved) => saved.member_id }) },
    shadowRate: 0,
  })
}

describe("a write whose mark fails, with onCaptureFailure: 'write-anyway'", () => {
  it('answers as ever, and leaves a gap that names no key', async () => {
    const { repository, broken, gaps, seen, members } = await failing({ instance: 'one' })
    broken.journal = true
    expect(await repository.put({ member_id: 7, mail: 'a@b.c' })).toEqual({ member_id: 7, mail: 'a@b.c' })
    expect(members.rows()).toHaveLength(1)
    expect(await gaps()).toMatchObject([
      { kind: 'capture-gap', entity: 'users', subject: 'one', detail: { error: 'Error' } },
    ])
    expect(JSON.stringify(await gaps())).not.toMatch(/a@b\.c|full/)
    expect(seen).toEqual([{ type: 'capture-gap', entity: 'users', error: 'Error' }])
  })

  it('is on record before it is committed', async () => {
    const { repository, broken, migration, members } = await failing()
    broken.journal = true
    let committed: number | undefined
    const { saveFindings } = migration.store
    Object.assign(migration.store, {
      async saveFindings(...args: Parameters<typeof saveFindings>) {
        committed ??= members.rows().length
        await saveFindings(...args)
      },
    })
    await repository.put({ member_id: 7, mail: 'a' })
    expect(committed).toBe(0)
  })

  it('is recorded anew after the commit, so that a sweep that began between the two is too old', async () => {
    const { repository, broken, migration, gaps, world } = await failing()
    broken.journal = true
    const { saveFindings } = migration.store
    Object.assign(migration.store, {
      async saveFindings(...args: Parameters<typeof saveFindings>) {
        await saveFindings(...args)
        world.clock += 60_000
      },
    })
    const before = world.clock
    await repository.put({ member_id: 7, mail: 'a' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(await gaps()).toMatchObject([{ at: before + 60_000 }])
  })

  it('fails with the error of the journal where the gap cannot be recorded either', async () => {
    const { repository, broken, seen, members } = await failing()
    broken.journal = true
    broken.store = true
    await expect(repository.put({ member_id: 7, mail: 'a' })).rejects.toBe(LOST)
    expect(members.rows()).toEqual([])
    expect(seen).toEqual([])
  })

  it('fails in time where the store hangs', async () => {
    const { repository, broken, migration, members } = await failing()
    broken.journal = true
    Object.assign(migration.store, { saveFindings: () => new Promise(() => {}) })
    await expect(repository.put({ member_id: 7, mail: 'a' })).rejects.toBe(LOST)
    expect(members.rows()).toEqual([])
  })

  it('is refused by a closed fence, which is no failure of capture', async () => {
    const { repository, broken, migration, gaps, members } = await failing({ switchWaitMs: 0 })
    broken.journal = true
    const { fence } = migration.sides.legacy
    const { revision, ...row } = (await fence.read())!.row
    await fence.change(revision, {
      ...row,
      open: false,
      pending: { to: 'target-primary', instance: 'other', deadline: 1e12 },
    })
    await expect(repository.put({ member_id: 7, mail: 'a' })).rejects.toMatchObject({ code: 'TWINSPAN_STALE_PHASE' })
    expect(members.rows()).toEqual([])
    expect(await gaps()).toEqual([])
  })

  it('leaves no gap where the write itself fails', async () => {
    const { migration, users, gaps } = await failing()
    const mine = new Error('mine')
    const repository = dualWrite<Repository>(migration, users, {
      legacy: () => ({ put: () => Promise.reject(mine) }),
      target: () => ({ put: () => Promise.reject(mine) }),
      operations: { put: write({ key: (_member, saved) => saved.member_id }) },
    })
    await expect(repository.put({ member_id: 7, mail: 'a' })).rejects.toBe(mine)
    expect(await gaps()).toEqual([])
  })
})

describe('onCaptureFailure', () => {
  it('fails the write by default', async () => {
    const { broken, migration, users, members, accounts, legacy, target, gaps } = await failing({
      onCaptureFailure: 'fail-write',
    })
    broken.journal = true
    const repository = wrap({ migration, users, members, accounts, legacy, target })
    await expect(repository.put({ member_id: 7, mail: 'a' })).rejects.toBe(LOST)
    expect(members.rows()).toEqual([])
    expect(await gaps()).toEqual([])
  })

  it('takes one of its two values, and write-anyway only where the wrapper captures', () => {
    const world = createWorld()
    const never =
      (options: object): (() => Process) =>
      () =>
        createProcess(world, options)
    expect(never({ onCaptureFailure: 'ignore' })).toThrow('Option onCaptureFailure takes')
    expect(never({ onCaptureFailure: 'write-anyway' })).toThrow("'fail-write', because capture is 'trigger'")
  })
})
