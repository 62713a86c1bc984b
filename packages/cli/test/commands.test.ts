import { readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createShop, type Ran, type Shop } from './world.ts'

let shop: Shop
let folder: string
beforeEach(async () => {
  shop = createShop()
  folder = await mkdtemp(join(tmpdir(), 'twinspan-cli-'))
})
afterEach(async () => {
  await shop.end()
  await rm(folder, { recursive: true })
})

const users = (): unknown => shop.target.prepare('select id, email from users order by id').all()
const members = (): unknown =>
  shop.legacy.prepare('select member_id as id, mail as email from members order by 1').all()

describe('the switch', () => {
  it('is refused with every gate that is closed', async () => {
    await shop.toCanary()
    await shop.run('ramp 25 --reason "a quarter"')
    const { status, stderr } = await shop.run('advance --reason go')
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^error: Blocked. Nothing was switched. \[TWINSPAN_CUTOVER_BLOCKED\]\n {2}closed {2}canary-complete/,
    )
    expect((await shop.run('status --no-gates --json')).objects[0]).toMatchObject({ phase: 'canary' })
  })

  it('goes there, back, there again, and to the end', async () => {
    await shop.toCanary()
    await shop.run('ramp 100 --reason all')
    const there = await shop.run('advance --reason go --json')
    expect(there.objects).toEqual([expect.objectContaining({ from: 'canary', to: 'target-primary', unsettled: [] })])

    shop.target.prepare("insert into users (email) values ('late@example.org')").run()
    const back = await shop.run('rollback --reason tickets')
    expect(back).toMatchObject({ status: 0, stdout: expect.stringContaining('Writers waited') })
    expect(members()).toEqual(users())

    await shop.run('ramp 100 --reason again')
    expect((await shop.run('advance target-primary --reason again')).status).toBe(0)
    expect((await shop.run('advance complete --reason "all quiet"')).status).toBe(0)
    expect(() => shop.legacy.exec('delete from members')).toThrow()

    expect((await shop.run('thaw --reason note')).stdout).toContain('taken away')
    expect((await shop.run('audit -n 1 --json')).objects[0]).toMatchObject({
      action: 'freeze',
      to: 'thawed',
      actor: 'ann',
    })
    expect((await shop.run('freeze --reason over --json')).objects).toEqual([{ migration: 'shop', frozen: true }])
    expect(() => shop.legacy.exec('delete from members')).toThrow()
    expect((await shop.run('plan --to drop --json')).objects[0]).toMatchObject({ ready: false, to: 'drop' })
    expect((await shop.run('advance --reason more')).status).toBe(1)
  })
})

describe('archive', () => {
  it('is written, verified, compared, and found out when it is damaged', async () => {
    await shop.toCanary()
    for (const line of ['ramp 100 --reason a', 'advance --reason b', 'advance --reason c']) await shop.run(line)
    const directory = join(folder, 'archive')
    const written = await shop.run(`archive "${directory}" --reason "before legacy goes" --json`)
    expect(written).toMatchObject({ status: 0 })
    const { manifestSha256 } = written.objects[0] ?? {}
    expect((await shop.run(`verify-archive "${directory}" --manifest ${manifestSha256} --compare`)).status).toBe(0)
    // Without a configuration too.
    const alone = { load: () => Promise.reject(new Error('no configuration is needed')) }
    expect((await shop.run(`verify-archive "${directory}"`, alone)).stdout).toContain('3 rows of "shop"')

    const file = join(directory, readdirSync(directory).find((name) => name.includes('ndjson')) ?? '')
    const bytes = await readFile(file)
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    await writeFile(file, bytes)
    const damaged = await shop.run(`verify-archive "${directory}" --json`)
    expect(damaged).toMatchObject({ status: 1 })
    expect(damaged.objects[0]).toMatchObject({ ok: false })
  })
})

describe('backfill', () => {
  beforeEach(async () => {
    await shop.run('advance --reason a')
    await shop.run('advance --reason b')
  })

  it('copies, and streams where it stands with --json', async () => {
    const { status, objects, stderr } = await shop.run('backfill --json')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(objects.at(-1)).toMatchObject({ type: 'backfill', entity: 'users', rows: 3, inserted: 3, done: true })
    expect(users()).toEqual(members())
  })

  it('writes plain lines where nobody looks, and a bar where somebody does', async () => {
    const plain = await shop.run('backfill')
    expect(plain.stderr).toMatch(/^users: 100 %, 3 of 3 rows, done\n$/m)
    expect(plain.stdout).toMatch(/^Done. users: 3 rows read, 3 inserted/)
    expect((await shop.run('backfill --restart', { isTTY: true })).stderr).toMatch(/users .*█{16} 100 %/)
  })

  it('tries without writing anything', async () => {
    const { status, stdout } = await shop.run('backfill --dry-run')
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining('Tried.') })
    expect(users()).toEqual([])
  })

  it('stops after the chunk at work, and goes on from there', async () => {
    await shop.end()
    shop = createShop({ rows: 63 })
    for (const reason of ['a', 'b']) await shop.run(`advance --reason ${reason}`)
    const stop = new AbortController()
    const stopped = await shop.run('backfill --chunk-rows 5 --json', { signal: stop.signal, heard: () => stop.abort() })
    expect(stopped.status).toBe(130)
    const copied = (users() as unknown[]).length
    expect(copied).toBe(5)
    const { objects } = await shop.run('backfill --json')
    expect(objects.at(-1)).toMatchObject({ rows: 63, inserted: 63, done: true })
    expect(users()).toEqual(members())
  })

  it('waits while it is paused, goes on when it is resumed, at the pace that was ordered', async () => {
    await shop.end()
    shop = createShop({ rows: 63 })
    for (const reason of ['a', 'b']) await shop.run(`advance --reason ${reason}`)
    await shop.run('backfill configure --chunk-rows 5 --reason slow')
    expect((await shop.run('backfill pause users --reason "month-end closing" --json')).objects).toEqual([
      { entity: 'users', order: 'pause', options: { maxChunkRows: 5 } },
    ])
    let working: Promise<Ran> | undefined
    await new Promise<void>((resolve) => {
      working = shop.run('backfill --json', {
        heard: (text) => {
          if (text.includes('"throttledBy":"paused"')) resolve()
        },
      })
    })
    expect(users()).toEqual([])
    expect((await shop.run('backfill resume --reason closed')).stdout).toContain(
      'workers go on; ordered: maxChunkRows 5',
    )
    const { status, objects } = (await working) as Ran
    expect(status).toBe(0)
    expect(objects.filter(({ chunkRows }) => Number(chunkRows) > 5)).toEqual([])
    expect(users()).toEqual(members())
    expect((await shop.run('backfill configure --clear --reason fast --json')).objects).toMatchObject([{ options: {} }])
    expect((await shop.run('audit -n 2 --json')).objects.at(-1)).toMatchObject({
      action: 'backfill',
      from: 'users: pause, maxChunkRows 5',
      to: 'users: go, maxChunkRows 5',
      reason: 'closed',
    })
  })

  it('ends with 1 where it was cancelled, until that is taken back', async () => {
    await shop.run('backfill cancel --reason "legacy moves tonight"')
    expect(await shop.run('backfill')).toMatchObject({ status: 1, stderr: expect.stringContaining('backfill cancel') })
    expect(users()).toEqual([])
    await shop.run('backfill resume --reason moved')
    expect((await shop.run('backfill')).status).toBe(0)
    expect(users()).toEqual(members())
  })

  it.each([
    ['backfill configure --reason nothing', 'nothing to configure'],
    ['backfill configure --clear --max-load 0.1 --reason both', 'cannot be used with'],
    ['backfill pause nobody --reason x', 'The migration has users'],
    ['backfill pause', '--reason'],
    ['backfill --shards 2 --shard 2', 'shard'],
  ])('refuses %s', async (line, hint) => {
    expect(await shop.run(line)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(hint) })
  })

  it('shares its keys among shards, each by a worker of its own', async () => {
    await shop.end()
    shop = createShop({ rows: 40 })
    for (const reason of ['a', 'b']) await shop.run(`advance --reason ${reason}`)
    for (const shard of [0, 1, 2]) {
      const { status, objects } = await shop.run(`backfill --shards 3 --shard ${shard} --json`)
      expect({ status, done: objects.at(-1)?.['done'] }).toEqual({ status: 0, done: shard === 2 })
    }
    expect(users()).toEqual(members())
  })

  it('is blocked where another process is at it', async () => {
    const { migration } = shop.open()
    await migration.start()
    await migration.store.claim('backfill:users', 'another', 60_000)
    expect(await shop.run('backfill')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('TWINSPAN_JOB_CLAIMED'),
    })
    await migration.stop()
  })
})

describe('what cannot be copied', () => {
  beforeEach(async () => {
    await shop.toCanary()
    shop.target.exec("create trigger refuses before update on users begin select raise(fail, 'no'); end")
    shop.legacy.exec("update members set mail = 'secret@example.org' where member_id = 2")
    const { migration } = shop.open()
    await migration.start()
    const rows = await migration.sides.legacy.journal.read({ limit: 10 })
    await migration.sides.legacy.journal.park(
      rows.map(({ id }) => id),
      { error: 'SqliteError (SQLITE_CONSTRAINT_TRIGGER)' },
    )
    await migration.stop()
  })

  it('is listed with its reason, and with its key only where that is asked for', async () => {
    const { status, stdout, objects } = await shop.run('parked --json')
    expect(status).toBe(1)
    expect(objects).toEqual([
      {
        type: 'parked',
        entity: 'users',
        subject: expect.stringMatching(/^[0-9a-f]{32}$/),
        attempts: 1,
        error: 'SqliteError (SQLITE_CONSTRAINT_TRIGGER)',
        id: expect.any(String),
      },
    ])
    expect(stdout).not.toContain('example.org')
    expect((await shop.run('parked --reveal keys --json')).objects).toMatchObject([{ key: '2' }])
    expect((await shop.run('parked')).stdout).toMatch(/users [0-9a-f]{12} {2}1 attempt\n.*TRIGGER\)\n\n1 row parked/)
  })

  it('is tried once more: 4 while it still fails, 0 when it is copied', async () => {
    expect(await shop.run('retry --reason "let us see" --json')).toMatchObject({
      status: 4,
      objects: [{ retried: 1, failing: 1, journal: { depth: 1 } }],
    })
    shop.target.exec('drop trigger refuses')
    expect(await shop.run('retry users --reason "the trigger is gone" --json')).toMatchObject({
      status: 0,
      objects: [{ retried: 1, failing: 0, journal: { depth: 0, parked: 0 } }],
    })
    expect(users()).toEqual(members())
    expect((await shop.run('audit -n 1 --json')).objects).toMatchObject([{ action: 'retry', to: 'users' }])
    expect(await shop.run('parked')).toMatchObject({ status: 0, stdout: 'Nothing is parked.\n' })
  })

  it('is not tried for nobody', async () => {
    expect((await shop.run('retry --reason ""')).status).toBe(2)
    expect((await shop.run('parked')).status).toBe(1)
  })
})

describe('reconcile', () => {
  it('leaves a report for each entity, which only its owner can read', async () => {
    await shop.toCanary()
    shop.target.exec("update users set email = 'wrong@example.org' where id = 2")
    const { status, stdout } = await shop.run('reconcile --report ./report --reveal values', { cwd: folder })
    expect({ status, stdout }).toEqual({ status: 1, stdout: expect.stringContaining('users.html') })
    const [html, lines] = await Promise.all(
      ['users.html', 'users.jsonl'].map((name) => readFile(join(folder, 'report', name), 'utf8')),
    )
    expect(html).toContain('wrong@example.org')
    const objects = (lines ?? '')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly type: string })
    expect(objects.map(({ type }) => type)).toEqual(['finding', 'sweep'])
    expect(objects.at(-1)).toMatchObject({ drift: 1, rows: 3 })
    expect((await stat(join(folder, 'report', 'users.jsonl'))).mode & 0o777).toBe(0o600)
  })

  it('tells people of twenty findings and machines of all', async () => {
    await shop.end()
    shop = createShop({ rows: 30 })
    await shop.toCanary()
    shop.target.exec("update users set email = 'wrong@example.org'")
    const { stdout } = await shop.run('reconcile')
    expect(stdout.match(/^ {2}value/gm)).toHaveLength(20)
    expect(stdout).toContain('... and 10 more; --report or --json has all of them')
    expect((await shop.run('reconcile --json')).objects.filter(({ type }) => type === 'finding')).toHaveLength(30)
  })

  it('remembers what changes, so that a resweep need not read the rest', async () => {
    await shop.toCanary()
    expect(await shop.run('resweep')).toMatchObject({ status: 2, stderr: expect.stringContaining('trackChanges') })
    await shop.run('reconcile --track')
    shop.legacy.exec("update members set mail = 'new@example.org' where member_id = 1")
    await shop.run('retry --reason "copy it"')
    const { status, objects } = await shop.run('resweep --rotation 0 --json')
    expect({ status, objects }).toMatchObject({
      status: 0,
      objects: [{ type: 'resweep', changed: 1, rotated: 0, drift: 0 }],
    })
  })

  it('watches until Ctrl-C, and then says what the last sweep found', async () => {
    await shop.toCanary()
    const stop = new AbortController()
    shop.target.exec("update users set email = 'wrong@example.org' where id = 2")
    let sweeps = 0
    const watched = await shop.run('watch --rest 0 --repair --json', {
      signal: stop.signal,
      heard: (text) => {
        sweeps += text.split('"type":"sweep"').length - 1
        if (sweeps >= 2) stop.abort()
      },
    })
    const drifts = watched.objects.filter(({ type }) => type === 'sweep').map(({ drift }) => drift)
    expect(drifts.slice(0, 2)).toEqual([1, 0])
    expect(watched.status).toBe(0)
    expect(users()).toEqual(members())
  })

  it('says 0 for equal, 1 for drift, and tells of fields but not of values', async () => {
    await shop.toCanary()
    expect(await shop.run('reconcile')).toMatchObject({ status: 0, stdout: expect.stringContaining('hold the same') })
    shop.target.exec("update users set email = 'wrong@example.org' where id = 2")
    const drifted = await shop.run('reconcile --repair --json')
    expect(drifted.status).toBe(1)
    expect(drifted.objects).toEqual([
      expect.objectContaining({ type: 'finding', entity: 'users', fields: [{ name: 'email', reason: 'value' }] }),
      expect.objectContaining({ type: 'sweep', rows: 3, drift: 1, repaired: 1 }),
    ])
    expect(drifted.stdout).not.toContain('example.org')
    expect(users()).toEqual(members())
    expect((await shop.run('findings --kind reconcile --json')).objects).toEqual([
      expect.objectContaining({ entity: 'users', detail: expect.objectContaining({ repaired: true }) }),
    ])
    expect((await shop.run('reconcile')).status).toBe(0)
    expect((await shop.run('findings')).stdout).toBe('Nothing was found.\n')
  })

  it('says for people where the sides differ, and shows values only where it is told to', async () => {
    await shop.toCanary()
    shop.target.exec("update users set email = 'wrong@example.org' where id = 2")
    expect((await shop.run('reconcile users')).stdout).toMatch(/^ {2}value {2}users \w{12} {2}email \(value\)\n/)
    expect((await shop.run('reconcile users --reveal values')).stdout).toContain('wrong@example.org')
    const sampled = await shop.run('reconcile --sample 100 --json')
    expect(sampled).toMatchObject({ status: 1 })
    expect(sampled.objects.at(-1)).toMatchObject({ type: 'sample', compared: 3, mismatched: 1 })
  })
})

describe('the canary', () => {
  it('goes up by steps, is killed, stays killed, and is re-armed', async () => {
    await shop.toCanary()
    expect((await shop.run('ramp --reason first --json')).objects[0]).toMatchObject({ percent: '1', killed: null })
    expect((await shop.run('ramp --reason second --json')).objects[0]).toMatchObject({ percent: '5' })
    expect((await shop.run('kill --reason worse')).stdout).toContain('Killed by ann')
    expect(await shop.run('ramp 10 --reason again')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('[TWINSPAN_ROLLOUT_KILLED]'),
    })
    expect((await shop.run('status --no-gates')).stdout).toMatch(/killed by ann, .*: worse/)
    expect((await shop.run('rearm --reason mended --json')).objects[0]).toMatchObject({ percent: '1', killed: null })
  })

  it('refuses a percentage that is none', async () => {
    expect(await shop.run('ramp 101 --reason more')).toMatchObject({ status: 2 })
  })

  it('says when it is not in force yet', async () => {
    expect((await shop.run('ramp 5 --reason early')).stdout).toContain('In force from canary on')
  })

  it('needs the router of the service', async () => {
    const load = async (): Promise<ReturnType<Shop['open']>> => {
      const { router: _, ...config } = shop.open()
      return config
    }
    expect(await shop.run('ramp 5 --reason go', { load })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('router'),
    })
  })
})
