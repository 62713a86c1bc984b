import { backfill } from '@twinspan/backfill'
import {
  ErrorBudgetError,
  InvalidOptionError,
  JobClaimedError,
  PHASES,
  PhaseRefusedError,
  readBackfillRecord,
} from '@twinspan/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  advanceTo,
  all,
  databases,
  drain,
  expected,
  finish,
  join,
  member,
  members,
  type Process,
  type ProcessOptions,
  toUser,
} from './world.ts'

async function world(count: number, options: ProcessOptions = {}): Promise<Process> {
  const process = await join(databases(), options)
  await process.members.save(members(count))
  await advanceTo(process.migration, 'dual-write')
  onTestFinished(() => process.migration.stop())
  return process
}

describe('backfill', () => {
  it('copies every row that legacy has', async () => {
    const process = await world(1_234)
    const progress = await finish(process, { maxChunkRows: 100 })
    expect(process.users.rows()).toEqual(expected(process))
    expect(progress.at(-1)).toMatchObject({ rows: 1_234, totalRows: 1_234, inserted: 1_234, done: true, etaMs: 0 })
    expect(progress.filter((one) => one.done)).toHaveLength(1)
  })

  it('reports an empty legacy as done', async () => {
    expect((await finish(await world(0))).at(-1)).toMatchObject({ rows: 0, totalRows: 0, done: true })
  })

  it('tells the listeners of the migration', async () => {
    const process = await world(10)
    const rows: number[] = []
    process.migration.events.on('backfill', (event) => rows.push(event.rows))
    await finish(process, { maxChunkRows: 4 })
    expect(rows).toEqual([4, 8, 10])
  })

  it('leaves a row alone that is already there', async () => {
    const process = await world(3)
    await process.users.save([{ id: 2, email: 'newer@example.org' }])
    await finish(process)
    expect(process.users.rows()[1]).toMatchObject({ email: 'newer@example.org' })
  })

  it('marks what only the target has, between the keys of legacy and beyond the last one', async () => {
    const process = await world(3)
    await process.members.remove([2])
    await drain(process)
    await process.users.save([toUser(member(2)), toUser(member(99))])
    const last = (await finish(process)).at(-1)
    expect(last?.marked).toBe(2)
    await drain(process)
    expect(process.users.rows()).toEqual(expected(process))
  })

  it('hands a row whose unique value is taken to the mirror', async () => {
    const process = await world(3)
    await process.users.save([{ id: 9, email: 'm2@example.org' }])
    await finish(process)
    expect(await process.migration.sides.legacy.journal.dirty('users', ['2', '9'])).toEqual(new Set(['2', '9']))
  })

  it('does nothing when it is done already, and starts over when asked to', async () => {
    const process = await world(5)
    await finish(process)
    expect(await finish(process)).toEqual([expect.objectContaining({ done: true, rows: 5, chunkRows: 0 })])
    await process.users.remove([3])
    await finish(process, { restart: true })
    expect(process.users.rows()).toHaveLength(5)
  })

  it('starts over when the migration has been off since', async () => {
    const process = await world(5)
    await finish(process)
    for (const to of ['capture', 'off', 'capture', 'dual-write'] as const) {
      await process.migration.advance({ to, actor: 'test', reason: 'back and forth', adoptTarget: true })
    }
    await process.users.remove([3])
    expect(await finish(process)).toHaveLength(1)
    expect(process.users.rows()).toHaveLength(5)
  })

  it('copies through a store that has nothing but the four functions', async () => {
    const process = await world(500, {
      legacy: ({ key, load, scan, save, remove }) => ({ key: key!, load, scan, save, remove }),
      target: ({ key, load, scan, save, remove }) => ({ key: key!, load, scan, save, remove }),
    })
    await process.users.save([{ id: 7, email: 'newer@example.org' }, toUser(member(1_000))])
    const progress = await finish(process, { maxChunkRows: 64 })
    expect(progress.at(-1)).toMatchObject({ rows: 500, totalRows: 500, inserted: 499, marked: 1 })
    expect(process.users.rows()).toHaveLength(501)
    expect(process.users.rows()[6]).toMatchObject({ email: 'newer@example.org' })
  })

  it.each(PHASES.slice(0, 2))('is refused in %s', async (phase) => {
    const process = await join(databases())
    await advanceTo(process.migration, phase)
    await expect(finish(process)).rejects.toThrow(PhaseRefusedError)
    await process.migration.stop()
  })

  it('ends when the migration goes back to capture', async () => {
    const process = await world(10)
    const run = backfill(process.migration, process.entity, { maxChunkRows: 3 })
    await run.next()
    await process.migration.advance({ to: 'capture', actor: 'test', reason: 'back' })
    await expect(run.next()).rejects.toThrow(PhaseRefusedError)
  })

  it('goes by the new epoch when the phase moves on', async () => {
    const process = await world(10)
    const run = backfill(process.migration, process.entity, { maxChunkRows: 3 })
    await run.next()
    await process.migration.advance({ to: 'shadow', actor: 'test', reason: 'on' })
    await all(run)
    expect(process.users.rows()).toEqual(expected(process))
  })

  it('notices by the fence that another process moved the phase', async () => {
    const shared = databases()
    const process = await join(shared)
    await process.members.save(members(10))
    await advanceTo(process.migration, 'dual-write')
    const run = backfill(process.migration, process.entity, { maxChunkRows: 3 })
    await run.next()
    const before = process.migration.snapshot.epoch
    const fence = process.migration.sides.legacy.fence
    for (const side of [fence, process.migration.sides.target.fence]) {
      const { row } = (await side.read())!
      await side.change(row.revision, { ...row, phase: 'shadow', epoch: before + 1 })
    }
    const rest = await all(run)
    expect(rest[0]).toMatchObject({ throttledBy: 'phase', rows: 3 })
    expect(process.users.rows()).toEqual(expected(process))
    await process.migration.stop()
  })

  it.each([
    ['chunkTargetMs', 0],
    ['maxLegacyLoad', 0],
    ['maxLegacyLoad', 1.5],
    ['maxChunkRows', 0.5],
    ['errorBudget', -1],
    ['claimMs', 10],
  ])('refuses %s: %d at the call, by name', async (option, value) => {
    const process = await world(0)
    expect(() => backfill(process.migration, process.entity, { [option]: value })).toThrow(InvalidOptionError)
    expect(() => backfill(process.migration, process.entity, { [option]: value })).toThrow(option)
  })

  it('refuses an entity of another migration', async () => {
    const process = await world(0)
    const stranger = { ...process.entity, name: 'orders' }
    expect(() => backfill(process.migration, stranger)).toThrow(InvalidOptionError)
  })
})

describe('one worker at a time', () => {
  it('refuses a second one while the first is alive', async () => {
    const process = await world(10)
    const first = backfill(process.migration, process.entity, { maxChunkRows: 2 })
    await first.next()
    await expect(finish(process)).rejects.toThrow(JobClaimedError)
    await first.return?.()
    expect((await finish(process)).at(-1)).toMatchObject({ done: true })
  })

  it('ends the one that lost its claim while it was paused, and its progress counts for nothing', async () => {
    let now = 0
    const shared = { ...databases() }
    const clock = (): number => now
    Object.assign(shared.target, { now: clock })
    Object.assign(shared.legacy, { now: clock })
    const process = await join(shared, { migration: { now: clock } })
    await process.members.save(members(10))
    await advanceTo(process.migration, 'dual-write')
    const sleeper = backfill(process.migration, process.entity, { maxChunkRows: 2, claimMs: 1_000 })
    await sleeper.next()
    now += 2_000
    await process.migration.refresh()
    const heir = backfill(process.migration, process.entity, { maxChunkRows: 2, claimMs: 1_000 })
    await heir.next()
    await expect(sleeper.next()).rejects.toThrow(JobClaimedError)
    now += 2_000
    await process.migration.refresh()
    expect((await all(heir)).at(-1)).toMatchObject({ rows: 10, done: true })
    await process.migration.stop()
  })

  it('ends the one that others have overtaken, although nobody holds the claim any more', async () => {
    let now = 0
    const shared = databases()
    Object.assign(shared.target, { now: () => now })
    const process = await join(shared, { migration: { now: () => now } })
    await process.members.save(members(10))
    await advanceTo(process.migration, 'dual-write')
    const sleeper = backfill(process.migration, process.entity, { maxChunkRows: 2 })
    await sleeper.next()
    now += 60_000
    await finish(process, { maxChunkRows: 2 })
    await expect(sleeper.next()).rejects.toThrow(JobClaimedError)
    expect((await readBackfillRecord(process.migration.store, 'users'))?.record).toMatchObject({ rows: 10, done: true })
    await process.migration.stop()
  })

  it('never commits an insert that may outlive its claim', async () => {
    let now = 0
    let late = false
    const clock = (): number => now
    const shared = databases()
    Object.assign(shared.target, { now: clock })
    const process = await join(shared, {
      migration: { now: clock },
      // The process is frozen between the claim and the transaction's first statement.
      targetSide: (side) => ({
        ...side,
        bind: (scope) => {
          const bound = side.bind(scope)
          return {
            ...bound,
            copy: (request, work) => {
              if (!late) now += 20_000
              late = true
              return bound.copy(request, work)
            },
          }
        },
      }),
    })
    await process.members.save(members(3))
    await advanceTo(process.migration, 'dual-write')
    const progress = await finish(process)
    expect(progress[0]).toMatchObject({ throttledBy: 'store', rows: 0 })
    expect(progress.at(-1)).toMatchObject({ rows: 3, done: true })
    await process.migration.stop()
  })
})

describe('a worker that ends', () => {
  it('is resumed at its checkpoint', async () => {
    const process = await world(100)
    const stop = new AbortController()
    for await (const { rows } of backfill(process.migration, process.entity, {
      maxChunkRows: 10,
      signal: stop.signal,
    })) {
      if (rows === 40) stop.abort()
    }
    expect(process.users.rows()).toHaveLength(40)
    const { record } = (await readBackfillRecord(process.migration.store, 'users'))!
    expect(record).toMatchObject({ through: 40, done: false, rows: 40 })
    const rest = await finish(process, { maxChunkRows: 10 })
    expect(rest[0]).toMatchObject({ rows: 50 })
    expect(rest.at(-1)).toMatchObject({ rows: 100, inserted: 100, done: true })
  })

  it('lets the migration stop after the chunk at work', async () => {
    const process = await world(100)
    const run = backfill(process.migration, process.entity, { maxChunkRows: 10 })
    await run.next()
    await process.migration.stop()
    expect(await run.next()).toMatchObject({ done: true })
    expect(process.users.rows()).toHaveLength(10)
  })

  it('survives an acknowledgement of its checkpoint that was lost', async () => {
    let lose = true
    const process = await world(20, {
      step: async (what) => {
        if (what !== 'put backfill:users done' || !lose) return
        lose = false
        throw new Error('connection reset')
      },
    })
    const progress = await finish(process, { maxChunkRows: 5 })
    expect(progress.some((one) => one.throttledBy === 'store')).toBe(true)
    expect(progress.at(-1)).toMatchObject({ rows: 20, done: true })
  })
})

describe('rows at fault', () => {
  const poisoned = (bad: readonly number[]): ProcessOptions => ({
    target: (users) => ({
      ...users,
      insertMissing: async (rows, options) => {
        if (rows.some((row) => bad.includes(row.id)))
          throw Object.assign(new Error('m13@example.org'), { code: '22021' })
        return users.insertMissing!(rows, options)
      },
    }),
  })

  it('are found by halving, become findings without their values, and are marked', async () => {
    const process = await world(200, poisoned([13, 150]))
    const last = (await finish(process)).at(-1)
    expect(last).toMatchObject({ rows: 200, inserted: 198, quarantined: 2, marked: 2, done: true })
    const findings = await process.migration.store.findings({ kind: 'backfill', entity: 'users' })
    expect(findings.map((finding) => finding.detail)).toEqual([
      { reason: 'quarantined', error: 'Error (22021)' },
      { reason: 'quarantined', error: 'Error (22021)' },
    ])
    expect(JSON.stringify(findings)).not.toMatch(/example|"13"|"150"/)
    expect(await process.migration.sides.legacy.journal.dirty('users', ['13', '150', '14'])).toEqual(
      new Set(['13', '150']),
    )
  })

  it('end the backfill when they are more than its budget', async () => {
    const process = await world(20, poisoned([3, 5, 7]))
    await expect(finish(process, { errorBudget: 2 })).rejects.toThrow(ErrorBudgetError)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('m3@example.org')
      },
    ],
    ['gives another key', (user: { id: number; email: string }) => ({ ...user, id: 77 })],
    ['gives no row', () => undefined as never],
  ])('are quarantined when the translation %s', async (_, broken) => {
    const process = await world(5, { toTarget: (row) => (row.id === 3 ? broken(toUser(row)) : toUser(row)) })
    expect((await finish(process)).at(-1)).toMatchObject({ quarantined: 1, inserted: 4, done: true })
    expect(JSON.stringify(await process.migration.store.findings())).not.toContain('example')
    expect(await process.migration.sides.legacy.journal.dirty('users', ['3'])).toEqual(new Set(['3']))
  })
})

describe('a target that orders keys in another way', () => {
  it('is noticed, and every key is checked once more', async () => {
    const process = await world(300, {
      target: (users) => ({
        ...users,
        // By text, as a store would that keeps its keys as strings.
        async scanKeys({ after, through, limit }) {
          return users
            .rows()
            .map(({ id }) => String(id))
            .filter(
              (id) => (after === undefined || id > String(after)) && (through === undefined || id <= String(through)),
            )
            .sort()
            .slice(0, limit)
        },
      }),
    })
    await process.users.save([toUser(member(1_000)), toUser(member(55_555))])
    const last = (await finish(process, { maxChunkRows: 7 })).at(-1)
    expect(last?.done).toBe(true)
    await drain(process)
    expect(process.users.rows()).toEqual(expected(process))
    expect((await readBackfillRecord(process.migration.store, 'users'))?.record.thorough).toBe(true)
  })
})

describe('a translation that gives no row', () => {
  it('leaves none on the target, not even one that was there', async () => {
    const toTarget: ProcessOptions['toTarget'] = (row) => (row.id % 2 === 0 ? null : toUser(row))
    const process = await world(10, { toTarget })
    await process.users.save([toUser(member(4))])
    expect((await finish(process, { maxChunkRows: 3 })).at(-1)).toMatchObject({ rows: 10, inserted: 5, done: true })
    await drain(process)
    expect(process.users.rows().map(({ id }) => id)).toEqual([1, 3, 5, 7, 9])
  })
})

describe('an outage', () => {
  it.each([
    ['target', 'begin'],
    ['legacy', 'scan members'],
    ['store', 'put backfill:users'],
  ])('of %s is waited for', async (place, what) => {
    let failures = 0
    const process = await world(10, {
      step: async (step) => {
        if (step !== what || failures === 0) return
        failures--
        throw new Error('connection refused')
      },
    })
    failures = 3
    const progress = await finish(process)
    expect(progress[0]).toMatchObject({ throttledBy: place, done: false })
    expect(process.users.rows()).toHaveLength(10)
    expect(await process.migration.store.findings({ kind: 'backfill' })).toEqual([])
  })

  it('reaches the caller as the error it was when patience is over', async () => {
    let down = false
    const refused = new Error('connection refused')
    const process = await world(10, {
      step: async (what) => {
        if (down && what === 'scan members') throw refused
      },
    })
    down = true
    await expect(finish(process, { patienceMs: 1_000 })).rejects.toBe(refused)
  })
})

describe('a dry run', () => {
  it('says by reason what would fail, and writes nothing', async () => {
    const made = await join(databases(), {
      toTarget: (row) => {
        if (row.id % 10 === 0) throw new TypeError('no such thing')
        return { id: row.id % 7 === 0 ? 900 + row.id : row.id, email: row.mail }
      },
    })
    onTestFinished(() => made.migration.stop())
    await made.members.save(members(50))
    await made.users.save([{ id: 51, email: member(3).mail }])
    const before = made.users.rows()
    const progress = await finish(made, { dryRun: true, maxChunkRows: 20 })
    expect(progress.at(-1)).toMatchObject({ rows: 50, totalRows: 50, inserted: 0, quarantined: 13, done: true })
    expect(progress.at(-1)?.problems).toEqual({
      [`TranslationError: A row of "users" cannot be translated: the translation threw TypeError.`]: 5,
      [`TranslationError: A row of "users" cannot be translated: the translation returned a row of another key.`]: 7,
      'another row holds one of its unique values': 1,
    })
    expect(made.users.rows()).toEqual(before)
    expect(await readBackfillRecord(made.migration.store, 'users')).toBeUndefined()
    expect(await made.migration.store.findings({ limit: 10 })).toEqual([])
    expect((await made.migration.sides.legacy.journal.stats()).depth).toBe(0)
  })

  it('finds out whose row it is that the target refuses', async () => {
    const made = await world(40, {
      target: (users) => ({
        ...users,
        insertMissing: async (rows, options) => {
          if (rows.some(({ id }) => id === 5 || id === 33))
            throw Object.assign(new Error('bad'), { code: '22P02', column: 'email' })
          return users.insertMissing?.(rows, options) ?? { inserted: 0, conflicts: [] }
        },
      }),
    })
    const progress = await finish(made, { dryRun: true })
    expect(progress.at(-1)).toMatchObject({ quarantined: 2, problems: { 'Error (22P02, email)': 2 } })
    expect(made.users.rows()).toEqual([])
  })

  it('holds it against no row that the target does not answer', async () => {
    const gone = new Error('connection lost')
    const made = await world(40, {
      target: (users) => ({
        ...users,
        insertMissing: async () => {
          Object.assign(made.migration.sides.target.fence, { read: () => Promise.reject(gone) })
          throw gone
        },
      }),
    })
    await expect(finish(made, { dryRun: true })).rejects.toBe(gone)
  })

  it("stands in nobody's way", async () => {
    const made = await world(10)
    const trying = backfill(made.migration, made.entity, { dryRun: true, maxChunkRows: 2 })
    await trying.next()
    await finish(made)
    expect(made.users.rows()).toEqual(expected(made))
    await trying.return?.()
  })
})
