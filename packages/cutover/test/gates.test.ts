import { backfillDocument, type Json, ROLLOUT_DOCUMENT, sweepDocument, TARGET_OWNER } from '@twinspan/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GATES } from '../src/gates/table.ts'
import { CutoverBlockedError, createCutover, type PlanOptions } from '../src/index.ts'
import { advanceTo, createWorld, type Process, recordCleanCopy, type World } from './world.ts'

const by = { actor: 'ops', reason: 'the day has come' }

let world: World
let process: Process

beforeEach(async () => {
  world = createWorld()
  process = await world.process()
  await advanceTo(process.migration, 'canary')
  await process.members.save([
    { member_id: 1, mail: 'a@example.org', status: 'Active' },
    { member_id: 7, mail: 'b@example.org', status: 'Pending' },
  ])
  await process.mirror()
  await recordCleanCopy(process.migration)
})
afterEach(() => world.close())

const cutover = (options = {}) => createCutover(process.migration, { drain: process.mirror, ...options })

async function rollout(change: { readonly [field: string]: Json }): Promise<void> {
  const { phase, epoch, incarnation } = process.migration.snapshot
  await process.migration.store.putDocument(ROLLOUT_DOCUMENT, {
    percent: '100',
    since: process.migration.now(),
    phase,
    epoch,
    incarnation,
    killed: null,
    allow: [],
    deny: [],
    scope: { unit: 'user', salt: '', hash: 'murmur3' },
    ...change,
  })
}

async function changeDocument(name: string, change: { readonly [field: string]: Json }): Promise<void> {
  const document = await process.migration.store.getDocument(name)
  await process.migration.store.putDocument(name, { ...(document?.value as object), ...change } as Json)
}

describe('the gates of the switch', () => {
  it('are all open when everything is as it should be', async () => {
    await rollout({})
    const plan = await cutover().plan()
    expect(plan.gates.filter((gate) => !gate.ok)).toEqual([])
    expect(plan).toMatchObject({ ready: true, from: 'canary', to: 'target-primary' })
    expect(plan.gates.map(({ name }) => name)).toEqual([
      'phase',
      'fences',
      'leases',
      'doctor',
      'capture-installed',
      'journal-empty',
      'nothing-parked',
      'no-capture-gaps',
      'backfill-done',
      'full-sweep',
      'canary-complete',
      'guard-not-latched',
      'reverse-proven',
      'sequences-ahead',
    ])
  })

  it('do not ask for a router where none is in use', async () => {
    const { gates } = await cutover().plan()
    expect(gates.find(({ name }) => name === 'canary-complete')).toMatchObject({ ok: true, detail: 'no router in use' })
  })

  const closed: readonly (readonly [gate: string, detail: RegExp, spoil: () => Promise<unknown>])[] = [
    ['phase', /in shadow, but target-primary follows canary/, () => cutover().rollback(by)],
    [
      'fences',
      /another switch is under way to target-primary, undone in 5000 ms/,
      async () => {
        const { fence } = process.migration.sides.legacy
        const found = (await fence.read())!
        const pending = { to: 'target-primary', instance: 'another', deadline: found.now + 5_000 } as const
        await fence.change(found.row.revision, { ...found.row, open: false, pending })
      },
    ],
    [
      'leases',
      /1 of 2 live processes behind epoch 5: elsewhere\/4711 at 4/,
      () =>
        process.migration.store.heartbeat(
          { instance: 'late', epoch: 4, phase: 'shadow', host: 'elsewhere', pid: 4711, version: '' },
          60_000,
        ),
    ],
    [
      'doctor',
      /^read-only on target: it takes no writes; trigger-privilege on target: no triggers$/,
      async () => {
        world.findings.target = [
          {
            name: 'read-only',
            severity: 'refuse',
            detail: 'it takes no writes',
            refuses: ['dual-write', 'target-primary'],
          },
          { name: 'trigger-privilege', severity: 'refuse', detail: 'no triggers' },
        ]
      },
    ],
    [
      'doctor',
      /^not-examined on legacy: it could not be examined \(Error\)$/,
      async () => {
        Object.defineProperty(world.findings, 'legacy', {
          get: () => {
            throw new Error('secret@example.org')
          },
        })
      },
    ],
    ['capture-installed', /1 of legacy's triggers missing or altered/, async () => world.legacy.triggers.clear()],
    ['journal-empty', /1 key dirty/, () => process.members.remove([7])],
    [
      'nothing-parked',
      /1 row parked/,
      async () => {
        const { journal } = process.migration.sides.legacy
        await process.members.remove([7])
        const rows = await journal.read({ limit: 1 })
        await journal.park([rows[0]!.id], { error: 'unique' })
      },
    ],
    [
      'no-capture-gaps',
      /1 uncaptured write in users/,
      () => process.migration.store.saveFindings([{ kind: 'capture-gap', entity: 'users', subject: 's', detail: {} }]),
    ],
    ['backfill-done', /users: not begun/, () => process.migration.store.putDocument(backfillDocument('users'), null)],
    ['backfill-done', /users: at 41 rows/, () => changeDocument('backfill:users', { done: false, rows: 41 })],
    ['backfill-done', /earlier attempt/, () => changeDocument('backfill:users', { incarnation: 'another' })],
    ['full-sweep', /users: never swept/, () => process.migration.store.putDocument(sweepDocument('users'), null)],
    [
      'full-sweep',
      /3 of 10 rows differed, 3 of them repaired since/,
      () => changeDocument('sweep:users', { rows: 10, drift: 3, repaired: 3 }),
    ],
    [
      'full-sweep',
      /parity 0.9 with 1 of 10/,
      () => changeDocument('sweep:users', { rows: 10, undecided: 1, lowerBound95: 0.9 }),
    ],
    ['full-sweep', /before the backfill ended/, () => changeDocument('sweep:users', { startedAt: 1 })],
    [
      'full-sweep',
      /last swept 1441 minutes ago/,
      async () => {
        world.clock.ms += 1_441 * 60_000
        await process.migration.refresh()
      },
    ],
    ['canary-complete', /50 % of the units/, () => rollout({ percent: '50' })],
    ['canary-complete', /0 % of the units/, () => rollout({ epoch: 2 })],
    ['canary-complete', /cannot read/, () => process.migration.store.putDocument(ROLLOUT_DOCUMENT, { percent: 100 })],
    [
      'guard-not-latched',
      /killed by guard at 2023/,
      () => rollout({ killed: { at: world.clock.ms, actor: 'guard', reason: 'errors' } }),
    ],
    [
      'reverse-proven',
      /users: 2 of 2 rows cannot be translated back: TranslationError/,
      async () => {
        Object.assign(process.users, {
          translate: () => {
            throw new Error('no way back')
          },
        })
      },
    ],
    [
      'reverse-proven',
      /2 of 2 rows cannot be translated back: .*another key/,
      async () => {
        const back = process.users.translate
        Object.assign(process.users, {
          translate: (from: never, row: never) => ({ ...(back(from, row) as object), member_id: 99 }),
        })
      },
    ],
    [
      'reverse-proven',
      /legacy has no column nickname/,
      async () => {
        Object.assign(process.users.legacy, { columns: async () => ['member_id', 'mail', 'status'] })
        const back = process.users.translate
        Object.assign(process.users, {
          translate: (from: never, row: never) => ({ ...(back(from, row) as object), nickname: 'x' }),
        })
      },
    ],
    [
      'reverse-proven',
      /2 of 2 rows have no legacy form and would be removed/,
      async () => void Object.assign(process.users, { translate: () => null }),
    ],
    [
      'reverse-proven',
      /legacy does not take a row back: Error \(FROZEN\)/,
      async () => world.legacy.frozen.add('members'),
    ],
    [
      'sequences-ahead',
      /could not be checked: Error/,
      async () =>
        Object.assign(process.users.target.identity as object, {
          read: () => Promise.reject(new Error('no privilege')),
        }),
    ],
  ]

  /** What guards other moves only: closed with what, in which plan, by what. */
  const elsewhere: readonly (readonly [
    gate: string,
    detail: RegExp,
    to: PlanOptions,
    spoil: () => Promise<unknown>,
  ])[] = [
    [
      'target-free',
      /holds rows that this migration did not write: users/,
      { to: 'target-primary', path: 'fenced-copy' },
      () => process.migration.store.putDocument(TARGET_OWNER, 'another'),
    ],
    [
      'copy-wait',
      /2 rows, writers would wait for about 100 ms of 99/,
      { to: 'target-primary', path: 'fenced-copy', maxWaitMs: 99 },
      async () => {},
    ],
    [
      'legacy-in-step',
      /legacy came back from complete, and not every process was seen capturing since/,
      { to: 'canary' },
      () => process.migration.store.putDocument('cutover', { resync: { epoch: 1, since: null } }),
    ],
    [
      'legacy-in-step',
      /users: not swept since legacy came back/,
      { to: 'canary' },
      () => process.migration.store.putDocument('cutover', { resync: { epoch: 1, since: world.clock.ms + 1 } }),
    ],
    ['hold-elapsed', /not complete yet/, { to: 'drop' }, async () => {}],
    ['archived', /no archive/, { to: 'drop' }, async () => {}],
  ]

  it.each(elsewhere)('%s closes with %s in %j', async (name, detail, to, spoil) => {
    await spoil()
    const plan = await cutover({ acknowledgeMs: 0 }).plan(to)
    expect(plan.ready).toBe(false)
    expect(plan.gates.find((result) => result.name === name)).toMatchObject({
      ok: false,
      detail: expect.stringMatching(detail),
      advice: expect.stringMatching(/^[A-Z].*\.$/),
    })
  })

  it('have each been seen closed: a gate that is added needs a case above', () => {
    const seen = new Set([...closed, ...elsewhere].map(([name]) => name))
    const gates = Object.values(GATES)
      .flat()
      .map(({ name }) => name)
    // It tells of refused writes and never closes.
    expect([...new Set(gates)].filter((name) => !seen.has(name))).toEqual(['denied-writes'])
  })

  it.each(closed)('%s closes with %s, and nothing is switched', { timeout: 10_000 }, async (name, detail, spoil) => {
    await spoil()
    const cut = cutover({ acknowledgeMs: 0, drain: undefined })
    const plan = await cut.plan({ to: 'target-primary' })
    expect(plan.ready).toBe(false)
    const gate = plan.gates.find((result) => result.name === name)
    expect(gate).toMatchObject({
      ok: false,
      detail: expect.stringMatching(detail),
      // Whoever reads it knows what to do.
      advice: expect.stringMatching(/^[A-Z].*\.$/),
    })
    const before = await process.migration.sides.legacy.fence.read()
    const failure = await cut.advance({ to: 'target-primary', ...by }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CutoverBlockedError)
    expect(failure).toMatchObject({ code: 'TWINSPAN_CUTOVER_BLOCKED', to: 'target-primary' })
    expect((failure as Error).message).toMatch(
      new RegExp(`^Cutover of "people" is blocked by .*${name}.*Nothing was switched\\.$`),
    )
    expect((await process.migration.sides.legacy.fence.read())?.row).toEqual(before?.row)
  })

  it('go by what the doctor finds for the phase ahead, and tell of the rest', async () => {
    world.findings.legacy = [
      { name: 'read-only', severity: 'refuse', detail: 'of no concern', refuses: ['dual-write'] },
      { name: 'fsync', severity: 'warn', detail: 'fsync is off' },
    ]
    const { ready, gates } = await cutover().plan()
    expect(ready).toBe(true)
    expect(gates.find(({ name }) => name === 'doctor')).toMatchObject({
      ok: true,
      detail: 'warned of: fsync on legacy',
      facts: [{ name: 'read-only' }, { name: 'fsync', side: 'legacy', severity: 'warn', detail: 'fsync is off' }],
    })
  })

  it('say what to do about a finding, and let one pass whose risk was accepted', async () => {
    world.findings.target = [{ name: 'replica', severity: 'refuse', detail: 'a replica' }]
    const doctor = async (of: Process) =>
      (await createCutover(of.migration).plan({ to: 'target-primary' })).gates.find(({ name }) => name === 'doctor')
    expect(await doctor(process)).toMatchObject({
      ok: false,
      advice: "Mend it, or name 'replica' in acceptRisks of createMigration.",
    })
    const reckless = await world.process({ acceptRisks: ['replica'] })
    expect(reckless.migration.acceptRisks).toEqual(['replica'])
    expect(await doctor(reckless)).toMatchObject({ ok: true, detail: 'accepted: replica on target' })
  })

  it('hold up no way back for a finding', async () => {
    world.findings.target = [{ name: 'replica', severity: 'refuse', detail: 'a replica' }]
    const { gates } = await cutover().plan({ to: 'canary' })
    expect(gates.map(({ name }) => name)).not.toContain('doctor')
  })

  it('let writes go on while the mirror keeps up with them', async () => {
    await process.members.remove([7])
    const { sleep } = process.migration
    Object.assign(process.migration, {
      sleep: async (ms: number) => {
        await process.mirror()
        await process.members.save([{ member_id: 7, mail: 'again@example.org', status: 'Active' }])
        await sleep(ms)
      },
    })
    const { gates } = await cutover().plan()
    expect(gates.find(({ name }) => name === 'journal-empty')).toMatchObject({ ok: true })
  })

  it('count a capture gap no longer once a clean sweep began well after it', async () => {
    await process.migration.store.saveFindings([{ kind: 'capture-gap', entity: 'users', subject: 's', detail: {} }])
    const gap = async () => (await cutover().plan()).gates.find(({ name }) => name === 'no-capture-gaps')
    world.clock.ms += 400
    await recordCleanCopy(process.migration)
    expect(await gap()).toMatchObject({ ok: false })
    world.clock.ms += 200
    await recordCleanCopy(process.migration)
    expect(await gap()).toMatchObject({
      ok: true,
      detail: '1 gaps, all swept since',
    })
  })

  it('ask for the dwell time of the canary', async () => {
    await rollout({})
    const cut = cutover({ canaryDwellMs: 60_000 })
    expect((await cut.plan()).gates.find(({ name }) => name === 'canary-complete')).toMatchObject({ ok: false })
    world.clock.ms += 60_000
    expect((await cut.plan()).gates.find(({ name }) => name === 'canary-complete')).toMatchObject({ ok: true })
  })

  it('name the columns that the way back would change, without closing', async () => {
    await process.members.save([{ member_id: 3, mail: 'c@example.org', status: 'Suspended' }])
    await process.mirror()
    const { gates } = await cutover().plan()
    const gate = gates.find(({ name }) => name === 'reverse-proven')
    expect(gate).toMatchObject({ ok: true, detail: expect.stringContaining('status would change') })
    expect(process.members.rows()[1]?.status).toBe('Suspended')
    expect(await process.migration.sides.target.journal.stats()).toMatchObject({ depth: 0 })
  })

  it('include those of the application, which close when they throw or hang', async () => {
    const gates = [
      { name: 'on-call', check: () => ({ ok: false, detail: 'nobody confirmed', advice: 'Ask.' }) },
      { name: 'report', check: () => Promise.reject(new Error('a@example.org is gone')) },
      { name: 'hanging', check: () => new Promise<never>(() => {}) },
      { name: 'later', for: ['complete'] as const, check: () => ({ ok: false, detail: 'not asked here' }) },
    ]
    const plan = await cutover({ gates, gateTimeoutMs: 50, maxLagMs: 10, acknowledgeMs: 0 }).plan()
    const advice = 'Check that both databases and the store answer, then ask again.'
    expect(plan.gates.filter((gate) => !gate.ok)).toEqual([
      { name: 'on-call', ok: false, detail: 'nobody confirmed', advice: 'Ask.' },
      { name: 'report', ok: false, detail: 'could not be checked: Error', advice },
      {
        name: 'hanging',
        ok: false,
        detail: 'could not be checked: TimeoutError: Gate hanging did not end within 50 ms.',
        advice,
      },
    ])
  })
})

describe('options', () => {
  it.each([
    ['minParity', { minParity: 2 }],
    ['holdMs', { holdMs: -1 }],
    ['maxDirtyKeys', { maxDirtyKeys: 0.5 }],
    ['drain', { drain: 7 }],
    ['gates', { gates: [{}] }],
    ['check', { gates: [{ name: 'x' }] }],
    ['for', { gates: [{ name: 'x', for: ['off'], check: () => ({ ok: true, detail: '' }) }] }],
  ])('%s is refused at construction with its name', (option, options) => {
    expect(() => createCutover(process.migration, options as never)).toThrow(
      expect.objectContaining({ option }) as Error,
    )
  })
})
