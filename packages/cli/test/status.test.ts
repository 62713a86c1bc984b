import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createShop, type Shop } from './world.ts'

let shop: Shop
beforeEach(() => {
  shop = createShop()
})
afterEach(() => shop.end())

const ESCAPE = '\u001B'

describe('status', () => {
  it('tells the facts of a migration as one object', async () => {
    await shop.run('advance --reason begin')
    shop.legacy.prepare('update members set mail = ? where member_id = 1').run('new@example.org')
    const { status, objects } = await shop.run('status --json')
    expect(status).toBe(0)
    expect(objects).toEqual([
      expect.objectContaining({
        migration: 'shop',
        phase: 'capture',
        epoch: 2,
        primary: 'legacy',
        mirrorsTo: null,
        processes: [],
        journal: expect.objectContaining({ depth: 1, parked: 0 }),
        canary: null,
        entities: [{ entity: 'users', backfill: null, sweep: null }],
        gates: expect.objectContaining({ to: 'target-primary', of: 14 }),
        lastChange: expect.objectContaining({ actor: 'ann', reason: 'begin', to: 'capture' }),
        unread: [],
      }),
    ])
  })

  it('tells of backfill, sweep and canary once there are any', async () => {
    await shop.toCanary()
    await shop.run('ramp 25 --reason "quiet night"')
    const { objects, stdout } = await shop.run('status --json')
    expect(objects[0]).toMatchObject({
      phase: 'canary',
      canary: { percent: '25', killed: null },
      entities: [{ backfill: { done: true, rows: 3 }, sweep: { rows: 3, drift: 0 } }],
      gates: { closed: ['canary-complete'] },
    })
    expect(stdout).not.toContain('example.org')
  })

  it('tells what holds a backfill back that is at work in another process', async () => {
    for (const reason of ['a', 'b']) await shop.run(`advance --reason ${reason}`)
    await shop.run('backfill')
    const { migration } = shop.open()
    await migration.start()
    const { incarnation } = migration.snapshot
    const { value } = (await migration.store.getDocument('backfill:users')) as { value: object }
    await migration.store.putDocument('backfill:users', { ...value, done: false })
    const held = { by: 'replica-lag', value: null, limit: 2_000, why: 'TimeoutError', forMs: 61_000 }
    await migration.store.putDocument('backfill-throttle:users', { ...held, incarnation, at: migration.now() })
    await migration.stop()
    const { objects } = await shop.run('status --no-gates --json')
    expect(objects[0]).toMatchObject({ entities: [{ backfill: { done: false, throttle: held } }] })
    const { stdout } = await shop.run('status --no-gates')
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('slowed by replica-lag (TimeoutError) for 61 s')
  })

  it('fits into 80 columns, whatever others wrote', async () => {
    await shop.run(`advance --reason "${'a very long reason '.repeat(20)}" --actor "${'x'.repeat(200)}"`)
    const { stdout } = await shop.run('status')
    expect(stdout).toContain('[capture]')
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  it('is coloured for somebody who looks, and for nobody who said no', async () => {
    expect((await shop.run('status --no-gates', { isTTY: true })).stdout).toContain(ESCAPE)
    const env = { USER: 'ann', NO_COLOR: '1' }
    expect((await shop.run('status --no-gates', { isTTY: true, env })).stdout).not.toContain(ESCAPE)
    expect((await shop.run('status --no-gates')).stdout).not.toContain(ESCAPE)
    expect((await shop.run('status --no-gates --json', { isTTY: true })).stdout).not.toContain(ESCAPE)
  })

  it.each(['status --no-gates', 'audit'])('lets no reason command the terminal: %s', async (line) => {
    await shop.run(`advance --reason "before${ESCAPE}[2Jafter\u202E"`)
    const { stdout } = await shop.run(line)
    expect(stdout).toContain('before [2Jafter')
    expect(stdout).not.toContain(ESCAPE)
    expect(stdout).not.toContain('\u202E')
  })

  it('looks again with --watch until it is stopped, and is then done', async () => {
    const stop = new AbortController()
    const watching = shop.run('status --watch --every 0.2 --no-gates --json', { signal: stop.signal })
    setTimeout(() => stop.abort(), 700)
    const { status, objects } = await watching
    expect(status).toBe(0)
    expect(objects.length).toBeGreaterThan(1)
  })
})

describe('doctor', () => {
  it('warns and lets pass', async () => {
    const { status, stdout } = await shop.run('doctor')
    expect(status).toBe(0)
    expect(stdout).toContain('legacy: in-memory')
  })

  it('answers 1 as long as a finding refuses a step', async () => {
    await shop.run('advance --reason begin')
    const triggers = shop.legacy.prepare(
      "select name from sqlite_master where type = 'trigger' and tbl_name = 'members'",
    )
    for (const { name } of triggers.all() as { name: string }[]) shop.legacy.exec(`drop trigger "${name}"`)
    const { status, objects } = await shop.run('doctor --json')
    expect(status).toBe(1)
    expect(objects[0]).toMatchObject({
      refusing: 1,
      findings: expect.arrayContaining([expect.objectContaining({ name: 'capture-triggers' })]),
    })
  })
})

describe('plan', () => {
  it('answers 1 and says what to do, and changes nothing', async () => {
    const { status, stdout } = await shop.run('plan')
    expect(status).toBe(1)
    expect(stdout).toMatch(/closed {2}backfill-done .*\n\s+→ twinspan backfill\n/)
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect((await shop.run('audit --json')).objects).toEqual([])
  })

  it('answers 0 when every gate is open', async () => {
    await shop.toCanary()
    await shop.run('ramp 100 --reason all')
    const { status, objects } = await shop.run('plan --json')
    expect(status).toBe(0)
    expect(objects[0]).toMatchObject({ ready: true, to: 'target-primary' })
  })
})

describe('audit', () => {
  it('shows the newest first, each on a line of its own with --json', async () => {
    await shop.run('advance --reason first --actor bob')
    await shop.run('advance --reason second')
    const { objects } = await shop.run('audit --json')
    expect(objects.map(({ actor, reason }) => [actor, reason])).toEqual([
      ['ann', 'second'],
      ['bob', 'first'],
    ])
    expect((await shop.run('audit -n 1')).stdout).toMatch(/capture → dual-write\n {2}ann: second\n$/)
  })
})
