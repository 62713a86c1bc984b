import {
  type BackfillOptions,
  type BackfillProgress,
  backfill,
  backfillControl,
  type ThrottleReason,
} from '@twinspan/backfill'
import { InvalidOptionError, readThrottleNote, type Side } from '@twinspan/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { advanceTo, all, databases, join, members, type Process } from './world.ts'

/** What things cost, in milliseconds of a clock that only they and the worker's sleep move. */
interface Costs {
  /** A point read of legacy. */
  probe: number
  /** A connection to legacy's database. */
  connection: number
  /** A chunk read from legacy, for a row. */
  read: number
  /** A commit on the target. */
  commit: number
  /** How long a chunk keeps the process from its timers, of real time. */
  block: number
}

interface World extends Process {
  readonly costs: Costs
  elapsed(): number
  /** Time in which legacy was busy with chunks. */
  legacyMs(): number
}

const NOTHING: Costs = { probe: 0, connection: 0, read: 0, commit: 0, block: 0 }

/** The chunks wait until legacy was read by key a few times meanwhile. */
async function world(rows: number, given: Partial<Costs> = {}): Promise<World> {
  let now = 1_000
  let legacyMs = 0
  let probes = 0
  const costs = { ...NOTHING, ...given }
  const probed = (): void => {
    probes += 1
    now += costs.probe
  }
  const slowly = (side: Side): Side => ({
    ...side,
    bind(scope) {
      const bound = side.bind(scope)
      return {
        ...bound,
        async copy(request, work) {
          const result = await bound.copy(request, work)
          now += costs.commit
          return result
        },
        async onConnection(work) {
          now += costs.connection
          return work(undefined)
        },
      }
    },
  })
  const process = await join(databases(), {
    migration: {
      now: () => now,
      leaseMs: 1e12,
      sleep: async (ms, signal) => {
        if (ms >= 1e6) await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
        else now += ms
      },
    },
    legacySide: slowly,
    targetSide: slowly,
    legacy: (store) => ({
      ...store,
      scan: async (range) => {
        const found = await store.scan(range)
        now += found.length * costs.read
        legacyMs += found.length * costs.read
        return found
      },
      load: async (keys) => {
        probed()
        return store.load(keys)
      },
      // How legacy is probed before a key is known.
      scanKeys: async (range) => {
        if (range.limit === 1) probed()
        return store.scanKeys!(range)
      },
    }),
    target: (store) => ({
      ...store,
      insertMissing: async (some, options) => {
        if (costs.block > 0) {
          await new Promise((resolve) => setTimeout(resolve, 20))
          const end = performance.now() + costs.block
          while (performance.now() < end);
          // The loop has to turn before anybody can tell that it stood still.
          await new Promise((resolve) => setTimeout(resolve, 30))
        }
        for (const enough = probes + 3; costs.probe > 0 && probes < enough; ) {
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
        return store.insertMissing!(some, options)
      },
    }),
  })
  await process.members.save(members(rows))
  await advanceTo(process.migration, 'dual-write')
  await process.migration.stop()
  legacyMs = 0
  const begun = now
  return Object.assign(process, { costs, elapsed: () => now - begun, legacyMs: () => legacyMs })
}

/** Everything but what a test is about is looked at too, and good. */
const OPTIONS = {
  maxLegacyLoad: 1,
  chunkTargetMs: 250,
  maxChunkRows: 10,
  probeEveryMs: 1,
  maxEventLoopLagMs: 60_000,
  replicaLag: () => 0,
}

const run = (process: Process, options: BackfillOptions = {}) =>
  all(backfill(process.migration, process.entity, { ...OPTIONS, ...options }))

/** Runs, with a look at every progress on the way. */
async function watched(
  process: Process,
  options: BackfillOptions,
  look: (progress: BackfillProgress, at: number) => void | Promise<void>,
): Promise<readonly BackfillProgress[]> {
  const seen: BackfillProgress[] = []
  for await (const progress of backfill(process.migration, process.entity, { ...OPTIONS, ...options })) {
    await look(progress, seen.length)
    seen.push(progress)
  }
  return seen
}

describe('a legacy that slows down', () => {
  it('halves the pace within one chunk, and gets it back by a tenth each', async () => {
    const process = await world(400, { probe: 1 })
    const seen = await watched(process, {}, (_, at) => {
      if (at === 2) process.costs.probe = 50
      if (at === 3) process.costs.probe = 1
    })
    expect(seen.slice(0, 6).map(({ throttle }) => throttle.pace)).toEqual([1, 1, 1, 0.5, 0.6, expect.closeTo(0.7)])
    expect(seen[3]).toMatchObject({
      throttledBy: 'legacy-latency',
      throttle: { by: 'legacy-latency', value: 50, limit: 6 },
    })
    expect(seen.find(({ throttle }, at) => at > 3 && throttle.pace === 1)).toMatchObject({ throttledBy: null })
  })

  it('is slowed down further for as long as it stays so, and never stands still', async () => {
    const process = await world(400, { probe: 1 })
    const at: number[] = []
    const seen = await watched(process, {}, () => {
      process.costs.probe = 500
      at.push(process.elapsed())
    })
    const paces = seen.map(({ throttle }) => throttle.pace)
    expect(paces.slice(0, 5)).toEqual([1, 0.5, 0.25, 0.125, 0.0625])
    expect(Math.min(...paces)).toBeGreaterThan(0)
    // The rest for the sake of the pace is ten target times at most, and one read comes before the chunk.
    const pauses = seen.slice(1).map(({ chunkMs }, index) => (at[index + 1] ?? 0) - (at[index] ?? 0) - chunkMs)
    expect(Math.max(...pauses)).toBe(10 * 250 + 500)
    expect(seen.at(-1)).toMatchObject({ rows: 400, done: true })
  })

  it('may take half as long again where that is more than the slack', async () => {
    const process = await world(20, { probe: 40 })
    const [first] = await run(process, { maxLegacySlowdown: 1.5 })
    expect(first?.throttle.inputs[1]).toEqual({
      input: 'legacy-latency',
      value: 40,
      limit: 60,
      state: 'good',
      why: null,
    })
  })

  it('is what its reads are compared with once it has been so for a while', async () => {
    const process = await world(3_000, { probe: 1 })
    const seen = await watched(process, { maxChunkRows: 10 }, (_, at) => {
      if (at === 0) process.costs.probe = 20
    })
    const slow = seen.findIndex(({ throttle }) => throttle.by === 'legacy-latency')
    expect(slow).toBeGreaterThan(0)
    expect(seen.at(-1)).toMatchObject({ throttledBy: null, throttle: { pace: 1 } })
  })
})

describe('each input is named, with its value and its limit', () => {
  it.each<[ThrottleReason, Partial<Costs>, BackfillOptions, number]>([
    ['pool-wait', { connection: 30, probe: 1 }, { maxPoolWaitMs: 25 }, 30],
    ['replica-lag', { commit: 1 }, { replicaLag: async () => 900, maxReplicaLagMs: 800 }, 900],
    ['target-commit', { commit: 70 }, { maxTargetCommitMs: 60 }, 70],
  ])('%s', async (input, costs, options, value) => {
    const process = await world(40, costs)
    const [first, second] = await run(process, options)
    const limit = Object.values(options).find((option) => typeof option === 'number')
    expect(first).toMatchObject({ throttledBy: input, throttle: { by: input, pace: 0.5, value, limit, why: null } })
    expect(first?.throttle.inputs.filter(({ state }) => state !== 'good')).toEqual([
      { input, value, limit, state: 'over', why: null },
    ])
    expect(second?.throttle.pace).toBe(0.25)
    expect(second?.throttle.forMs).toBeGreaterThan(0)
  })

  it('event-loop, which makes the chunks smaller', async () => {
    const process = await world(1_000, { block: 60 })
    const seen = await run(process, { maxEventLoopLagMs: 40, maxChunkRows: 400 })
    expect(seen[0]).toMatchObject({ throttledBy: 'event-loop', throttle: { pace: 1, limit: 40 } })
    expect(seen[0]?.throttle.value).toBeGreaterThan(40)
    expect(seen.slice(0, 3).map(({ chunkRows }) => chunkRows)).toEqual([400, 200, 100])
  })

  it('legacy-load, as the share of the time', async () => {
    const process = await world(40, { read: 5 })
    const [first] = await run(process, { maxLegacyLoad: 0.25 })
    expect(first).toMatchObject({ throttledBy: 'legacy-load', throttle: { value: 0.25, limit: 0.25, pace: 1 } })
  })

  it('health', async () => {
    const process = await world(40)
    let asked = 0
    const [first, second] = await run(process, { health: () => ++asked > 2 })
    expect(first).toMatchObject({ throttledBy: 'health', throttle: { by: 'health', forMs: 0 } })
    expect(second).toMatchObject({ throttledBy: 'health', throttle: { forMs: 100 } })
  })

  it('lists all of them while nothing is wrong', async () => {
    const process = await world(40, { probe: 1 })
    const last = (await run(process)).at(-1)
    expect(last?.throttle).toMatchObject({ by: null, pace: 1, value: null, limit: null, forMs: 0 })
    expect(last?.throttle.inputs.map(({ input, state }) => [input, state])).toEqual([
      ['legacy-load', 'good'],
      ['legacy-latency', 'good'],
      ['pool-wait', 'good'],
      ['replica-lag', 'good'],
      ['target-commit', 'good'],
      ['event-loop', 'good'],
    ])
  })
})

describe('a signal that is lost stops the backfill until it is back', () => {
  it.each<[string, () => never]>([
    ['throws', () => fail('no such host db-7.internal')],
    ['rejects', (() => Promise.reject(new Error('refused'))) as never],
    ['does not answer', (() => new Promise(() => {})) as never],
    ['gives no number', (() => '0') as never],
    ['gives nothing', (() => null) as never],
    ['gives NaN', (() => Number.NaN) as never],
    ['gives less than nothing', (() => -1) as never],
  ])('replicaLag %s', async (_, lost) => {
    const process = await world(20)
    let asked = 0
    const replicaLag = (): number => (++asked <= 3 ? lost() : 0)
    const seen = await run(process, { replicaLag, signalTimeoutMs: 5 })
    expect(seen.slice(0, 4).map(({ throttledBy, rows }) => [throttledBy, rows])).toEqual([
      ['replica-lag', 0],
      ['replica-lag', 0],
      ['replica-lag', 0],
      ['replica-lag', 10],
    ])
    const input = seen[2]?.throttle.inputs.find((one) => one.input === 'replica-lag')
    expect(input).toMatchObject({ state: 'lost', value: null })
    expect(seen[2]?.throttle.why).toBe(input?.why)
    expect(input?.why).toMatch(/./)
    expect(input?.why).not.toContain('db-7')
    expect(seen[2]?.throttle.forMs).toBeGreaterThan(0)
    // It begins again at half its pace, and the first chunk adds to it.
    expect(seen[3]?.throttle).toMatchObject({ pace: 0.6, why: null })
    expect(seen.at(-1)).toMatchObject({ rows: 20, done: true })
  })

  it.each<[string, () => Promise<readonly never[]>]>([
    ['fails', () => Promise.reject(new Error('connection refused'))],
    ['hangs', () => new Promise(() => {})],
    ['gives something else', async () => 'sorry' as never],
  ])('a point read of legacy %s', async (_, broken) => {
    const process = await world(20)
    const { load } = process.entity.legacy
    let left = 2
    process.entity.legacy.load = (keys, options) => (left-- > 0 ? broken() : load(keys, options))
    const seen = await watched(process, { signalTimeoutMs: 5, probeEveryMs: 60_000 }, () => {})
    expect(seen.slice(0, 4).map(({ throttledBy, rows }) => [throttledBy, rows])).toEqual(
      [
        [null, 10],
        ['legacy', 10],
        ['legacy', 10],
        [null, 20],
      ].map((line, at) => (at === 3 ? [expect.anything(), 20] : line)),
    )
    expect(seen[1]?.throttle.inputs.find(({ input }) => input === 'legacy-latency')).toMatchObject({ state: 'lost' })
    expect(seen[1]?.throttle.why).toMatch(/Error/)
  })

  it('reaches the caller as the error of the read when patience is over', async () => {
    const process = await world(20)
    const refused = new Error('connection refused')
    process.entity.legacy.scanKeys = () => Promise.reject(refused)
    await expect(run(process, { patienceMs: 1_000 })).rejects.toBe(refused)
  })

  it('asks a legacy that hangs three times, and no more until it answers', async () => {
    const process = await world(20)
    let asked = 0
    process.entity.legacy.scanKeys = () => {
      asked += 1
      return new Promise(() => {})
    }
    await expect(run(process, { patienceMs: 20_000, signalTimeoutMs: 2 })).rejects.toThrow(/point read of legacy/)
    expect(asked).toBe(3)
  })

  it('stops a dry run as well', async () => {
    const process = await world(20)
    let asked = 0
    const seen = await run(process, { dryRun: true, replicaLag: () => (++asked <= 2 ? Number.NaN : 0) })
    expect(seen.slice(0, 3).map(({ throttledBy, rows }) => [throttledBy, rows])).toEqual([
      ['replica-lag', 0],
      ['replica-lag', 0],
      ['replica-lag', 10],
    ])
    expect(seen.at(-1)?.done).toBe(true)
  })
})

describe('maxLegacyLoad', () => {
  it('is never exceeded, and the backfill always ends, whatever the signals say', async () => {
    const scenario = fc.record({
      maxLegacyLoad: fc.double({ min: 0.05, max: 1, noNaN: true }),
      read: fc.array(fc.double({ min: 0.01, max: 20, noNaN: true }), { minLength: 1, maxLength: 8 }),
      lag: fc.array(fc.constantFrom(0, 5_000, Number.NaN), { maxLength: 12 }),
      commit: fc.array(fc.constantFrom(0, 900), { minLength: 1, maxLength: 8 }),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ maxLegacyLoad, read, lag, commit }) => {
        const process = await world(300)
        let asked = 0
        const turn = (at: number): void => {
          process.costs.read = read[at % read.length] ?? 0
          process.costs.commit = commit[at % commit.length] ?? 0
        }
        turn(0)
        const seen = await watched(
          process,
          { maxLegacyLoad, maxChunkRows: 30, probeEveryMs: 0, replicaLag: () => lag[asked++] ?? 0 },
          (_, at) => turn(at + 1),
        )
        expect(seen.at(-1)).toMatchObject({ rows: 300, done: true })
        // The rest after the last chunk is nobody's.
        const last = seen.findLast(({ chunkRows }) => chunkRows > 0)
        expect(process.legacyMs() - (last?.chunkMs ?? 0)).toBeLessThanOrEqual(process.elapsed() * maxLegacyLoad + 1e-6)
      }),
      { numRuns: 50 },
    )
  })
})

describe('the limits', () => {
  it.each([
    ['probeEveryMs', -1],
    ['maxLegacySlowdown', 0.9],
    ['legacySlackMs', -1],
    ['maxPoolWaitMs', Number.NaN],
    ['replicaLag', 5],
    ['tail', []],
    ['maxReplicaLagMs', '5'],
    ['maxTargetCommitMs', -1],
    ['maxEventLoopLagMs', 0],
    ['signalTimeoutMs', 0],
  ])('are refused by name: %s', async (option, value) => {
    const process = await world(0)
    const begin = (): unknown => backfill(process.migration, process.entity, { [option]: value })
    expect(begin).toThrow(InvalidOptionError)
    expect(begin).toThrow(option)
  })

  it('change for a worker on its way', async () => {
    const process = await world(100)
    const control = backfillControl(process.migration, process.entity)
    const seen = await watched(process, { replicaLag: () => 100 }, async (_, at) => {
      if (at === 1) await control.configure({ maxReplicaLagMs: 50 })
      if (at === 3) await control.configure({ maxReplicaLagMs: undefined })
    })
    expect(seen.slice(0, 6).map(({ throttle }) => throttle.pace)).toEqual([1, 1, 0.5, 0.25, 0.35, expect.closeTo(0.45)])
    await expect(control.configure({ maxReplicaLagMs: -1 })).rejects.toThrow('maxReplicaLagMs')
  })
})

describe('others', () => {
  it('are told by event and by a note in the store, which is taken back at the end', async () => {
    const process = await world(100)
    const { migration } = process
    const heard: unknown[] = []
    migration.events.on('backfill', ({ throttle }) => heard.push(throttle?.by))
    let note: unknown
    await watched(process, { replicaLag: () => 3_000 }, async (_, at) => {
      if (at === 2) note = await readThrottleNote(migration.store, 'users', migration.now())
    })
    expect(heard[0]).toBe('replica-lag')
    expect(note).toMatchObject({ by: 'replica-lag', value: 3_000, limit: 2_000 })
    expect(await readThrottleNote(migration.store, 'users', migration.now())).toBeUndefined()
  })
})

describe('the estimate of the time left', () => {
  it('is an interval that is narrow for chunks of one kind and wide for others', async () => {
    const steady = await run(await world(200, { read: 1 }))
    const width = (progress?: BackfillProgress): number =>
      (progress?.etaRangeMs?.[1] ?? 0) - (progress?.etaRangeMs?.[0] ?? 0)
    const process = await world(200, { read: 1 })
    const wild = await watched(process, {}, (_, at) => {
      process.costs.read = at % 2 === 0 ? 9 : 1
    })
    const [least, most] = wild[9]?.etaRangeMs ?? [0, 0]
    expect(least).toBeLessThan(wild[9]?.etaMs ?? 0)
    expect(most).toBeGreaterThan(wild[9]?.etaMs ?? 0)
    expect(width(steady[9])).toBeLessThan(width(wild[9]) / 2)
    expect(wild.at(-1)).toMatchObject({ etaMs: 0, etaRangeMs: [0, 0] })
  })
})

function fail(message: string): never {
  throw new Error(message)
}
