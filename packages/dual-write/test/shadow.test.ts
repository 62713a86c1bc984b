import type { EventOf, Phase, SideName } from '@twinspan/core'
import { describe, expect, it } from 'vitest'
import {
  createMirror,
  createShadowReport,
  type Decider,
  type DualWriteOptions,
  dualWrite,
  type ReadOptions,
  read,
} from '../src/index.ts'
import { inPhase, type Process, type World } from './world.ts'

interface Answer {
  readonly id: number
  readonly mail: string
}

type Find = (id: number, options?: { readonly signal?: AbortSignal }) => Promise<Answer>

interface Reads {
  find: Find
}

interface Shadowing extends Process {
  readonly world: World
  readonly repo: Reads
  readonly seen: EventOf<'shadow-read'>[]
  readonly outcomes: EventOf<'read-outcome'>[]
  readonly asked: Record<SideName, number>
  /** Resolves when so many repeated reads were reported. */
  told(count: number): Promise<string[]>
}

const answer = async (id: number): Promise<Answer> => ({ id, mail: 'same' })
const everybody: Decider = { decide: () => ({ side: 'target' }) }

async function shadowing(
  find: Partial<Record<SideName, Find>> = {},
  operation: ReadOptions<Find> = {},
  { phase = 'shadow', ...options }: Partial<DualWriteOptions<Reads>> & { readonly phase?: Phase } = {},
): Promise<Shadowing> {
  const process = await inPhase(phase)
  const seen: EventOf<'shadow-read'>[] = []
  const outcomes: EventOf<'read-outcome'>[] = []
  process.migration.events.on('shadow-read', (event) => seen.push(event))
  process.migration.events.on('read-outcome', (event) => outcomes.push(event))
  const asked = { legacy: 0, target: 0 }
  const side = (name: SideName): Reads => ({
    find: (...args) => {
      asked[name]++
      return (find[name] ?? answer)(...args)
    },
  })
  const repo = dualWrite<Reads>(process.migration, process.users, {
    legacy: side('legacy'),
    target: side('target'),
    operations: { find: read({ key: (id) => id, unit: (id) => `unit ${id}`, ...operation }) },
    shadowRate: 1,
    noise: 0,
    ...options,
  })
  return {
    ...process,
    repo,
    seen,
    outcomes,
    asked,
    async told(count) {
      await expect.poll(() => seen.length).toBe(count)
      return seen.map(({ outcome, control }) => (control === undefined ? outcome : `${outcome}, control ${control}`))
    },
  }
}

/** Answers that never repeat. */
function ever(mail: string): Find {
  let count = 0
  return async (id) => ({ id, mail: `${mail} ${++count}` })
}

const other: Find = async (id) => ({ id, mail: 'other' })

describe('a sampled read', () => {
  it('is chosen before anything is read', async () => {
    const order: string[] = []
    const { repo, told } = await shadowing(
      {
        legacy: async (id) => {
          order.push('legacy')
          return answer(id)
        },
      },
      {},
      {
        random: () => {
          order.push('drawn')
          return 0
        },
      },
    )
    await repo.find(1)
    await told(1)
    expect(order[0]).toBe('drawn')
  })

  it('goes by the rate of its own operation', async () => {
    const { repo, asked, told } = await shadowing({}, { shadowRate: 1 }, { shadowRate: 0 })
    await repo.find(1)
    await told(1)
    expect(asked).toEqual({ legacy: 1, target: 1 })
    const none = await shadowing({}, { shadowRate: 0 }, { shadowRate: 1 })
    await none.repo.find(1)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(none.asked).toEqual({ legacy: 1, target: 0 })
  })

  it('runs detached: the answer is there while the target hangs, and so are others beyond the cap', async () => {
    const { repo, asked, seen } = await shadowing(
      { target: () => new Promise(() => {}) },
      {},
      { shadowInFlight: 3, readTimeoutMs: 60_000 },
    )
    for (let id = 1; id <= 10; id++) expect(await repo.find(id)).toEqual({ id, mail: 'same' })
    expect(asked).toEqual({ legacy: 10, target: 3 })
    expect(seen.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 7 }, () => 'shed'))
  })

  it('outlives its request: an aborted signal does not reach it', async () => {
    const signals: unknown[] = []
    const request = new AbortController()
    const { repo, told } = await shadowing({
      target: (id, options) => {
        signals.push(options?.signal)
        return answer(id)
      },
    })
    await repo.find(1, { signal: request.signal })
    request.abort()
    expect(await told(1)).toEqual(['match'])
    expect(signals).toEqual([undefined])
  })

  it('counts a known difference apart', async () => {
    const { repo, told, migration } = await shadowing(
      { target: other },
      { ignore: (primary, secondary) => primary.mail === 'same' && secondary.mail === 'other' },
    )
    await repo.find(1)
    expect(await told(1)).toEqual(['ignored'])
    expect(await migration.store.findings({ kind: 'shadow' })).toEqual([])
  })

  it.each(['clean', 'compare', 'ignore'] as const)('counts a %s that throws, and tells nobody else', async (name) => {
    const throws = (): never => {
      throw new Error('mine')
    }
    const { repo, told } = await shadowing({ target: other }, { [name]: throws })
    expect(await repo.find(1)).toEqual({ id: 1, mail: 'same' })
    expect(await told(1)).toEqual(['comparison-error'])
  })

  it('is nothing against the target when the primary fails the second time', async () => {
    let calls = 0
    const { repo, told } = await shadowing({
      legacy: async (id) => {
        if (++calls > 1) throw new Error('legacy')
        return answer(id)
      },
      target: other,
    })
    await repo.find(1)
    expect(await told(1)).toEqual(['undecided'])
  })

  it('is lag when the target catches up', async () => {
    let calls = 0
    const { repo, told } = await shadowing({ target: (id) => (++calls > 1 ? answer(id) : other(id)) })
    await repo.find(1)
    expect(await told(1)).toEqual(['lagged'])
  })
})

describe('the noise of the primary', () => {
  it('is no mismatch', async () => {
    const { repo, told } = await shadowing({ legacy: ever('now'), target: ever('then') })
    await repo.find(1)
    expect(await told(1)).toEqual(['noise'])
  })

  it('is measured on a share of the sampled reads', async () => {
    const draws = [0, 0.4, 0, 0.6]
    const { repo, told, asked } = await shadowing({}, {}, { noise: 0.5, random: () => draws.shift() ?? 1 })
    await repo.find(1)
    await repo.find(2)
    expect((await told(2)).sort()).toEqual(['match', 'match, control match'])
    expect(asked).toEqual({ legacy: 3, target: 2 })
  })

  it('is found by a control even where the target happens to agree', async () => {
    let calls = 0
    const { repo, told } = await shadowing(
      { legacy: async (id) => ({ id, mail: ++calls === 1 ? 'same' : 'noise' }) },
      {},
      { noise: 1 },
    )
    await repo.find(1)
    expect(await told(1)).toEqual(['match, control noise'])
  })

  it('stands beside the mismatches in the report', async () => {
    const process = await shadowing(
      { legacy: answer, target: (id) => (id > 3 ? other(id) : answer(id)) },
      {},
      { noise: 1 },
    )
    const report = createShadowReport(process.migration)
    expect(report.rows()).toEqual([])
    for (let id = 1; id <= 4; id++) {
      await process.repo.find(id)
      await process.told(id)
    }
    expect(report.rows()).toEqual([
      {
        entity: 'users',
        operation: 'find',
        compared: 4,
        mismatched: 1,
        mismatchRate: 0.25,
        controls: 4,
        noise: 0,
        noiseRate: 0,
        outcomes: { match: 3, mismatch: 1 },
      },
    ])
    report.end()
    await process.repo.find(1)
    await process.told(5)
    expect(report.rows()[0]?.compared).toBe(4)
  })
})

describe('a canary read', () => {
  const canary = (
    find: Partial<Record<SideName, Find>>,
    operation: ReadOptions<Find> = {},
    options: Partial<DualWriteOptions<Reads>> = {},
  ): Promise<Shadowing> => shadowing(find, operation, { phase: 'canary', router: everybody, shadowRate: 0, ...options })

  it('is compared with the primary as well, so that a full canary still has something to compare with', async () => {
    const { repo, told } = await canary({ target: other }, {}, { shadowRate: 1 })
    expect(await repo.find(1)).toEqual({ id: 1, mail: 'other' })
    expect(await told(1)).toEqual(['mismatch'])
  })

  it('falls back within its budget while the target hangs, and the late answer or failure disturbs nobody', async () => {
    const late: { resolve(answer: Answer): void; reject(error: Error): void }[] = []
    const { repo, outcomes } = await canary(
      { target: () => new Promise((resolve, reject) => late.push({ resolve, reject })) },
      { timeoutMs: 30 },
    )
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    try {
      const began = performance.now()
      expect(await Promise.all([repo.find(1), repo.find(2)])).toHaveLength(2)
      expect(performance.now() - began).toBeLessThan(500)
      late[0]?.resolve({ id: 1, mail: 'too late' })
      late[1]?.reject(new Error('too late'))
      await new Promise((resolve) => setTimeout(resolve, 20))
    } finally {
      process.off('unhandledRejection', note)
    }
    expect(unhandled).toEqual([])
    // One outcome for each side of each read: what comes late is counted once, as bad.
    expect(outcomes.map(({ side, ok }) => `${side} ${ok}`).sort()).toEqual([
      'legacy true',
      'legacy true',
      'target false',
      'target false',
    ])
  })

  it('leaves nothing behind of what it gave up', async () => {
    const held: WeakRef<object>[] = []
    const { repo } = await canary(
      {
        target: () => {
          const hung = new Promise<Answer>(() => {})
          held.push(new WeakRef(hung))
          return hung
        },
      },
      { timeoutMs: 5 },
    )
    for (let id = 1; id <= 20; id++) await repo.find(id)
    const { gc } = globalThis as { gc?: () => void }
    const { setFlagsFromString } = await import('node:v8')
    const { runInNewContext } = await import('node:vm')
    setFlagsFromString('--expose-gc')
    const collect = gc ?? (runInNewContext('gc') as () => void)
    await expect
      .poll(() => {
        collect()
        return held.filter((ref) => ref.deref() !== undefined).length
      })
      .toBe(0)
  })

  it('hands out what the target answers, whatever its type, and tells that it differs', async () => {
    const wrong = (async () => 'not an answer at all') as unknown as Find
    const { repo, told } = await canary({ target: wrong }, { clean: (result) => result.mail.length }, { shadowRate: 1 })
    expect(await repo.find(1)).toBe('not an answer at all')
    // `clean` reads a property that is not there.
    expect(await told(1)).toEqual(['comparison-error'])
  })

  it.each([
    [
      'unit',
      {
        unit: () => {
          throw new Error('mine')
        },
      },
      everybody,
    ],
    [
      'key',
      {
        key: () => {
          throw new Error('mine')
        },
      },
      everybody,
    ],
    [
      'router',
      {},
      {
        decide: () => {
          throw new Error('mine')
        },
      },
    ],
  ] as [string, ReadOptions<Find>, Decider][])(
    'is answered by the primary when the %s throws',
    async (_, operation, router) => {
      const { repo, asked } = await canary({ target: other }, operation, { router })
      expect(await repo.find(1)).toEqual({ id: 1, mail: 'same' })
      expect(asked.target).toBe(0)
    },
  )

  it('is not answered by the target while its key is dirty, and is again when it was copied', async () => {
    const process = await canary({ target: other })
    await process.members.save([{ member_id: 1, mail: 'new' }])
    expect(await process.repo.find(1)).toMatchObject({ mail: 'same' })
    expect(await process.repo.find(2)).toMatchObject({ mail: 'other' })
    await createMirror(process.migration).drain()
    expect(await process.repo.find(1)).toMatchObject({ mail: 'other' })
  })
})
