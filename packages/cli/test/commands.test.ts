import { readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createShop, type Shop } from './world.ts'

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

    expect((await shop.run('freeze --thaw --reason note')).stdout).toContain('taken away')
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
    expect((await shop.run('backfill --restart', { isTTY: true })).stderr).toMatch(/users .*█{24} 100 %/)
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

describe('reconcile', () => {
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
