import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type ClientName, clientFor, openPair, type Pair } from './engine-pair.ts'
import { commands, engines, type GuideEngines, root } from './guide.ts'
import { type Ran, run } from './world.ts'

vi.setConfig({ testTimeout: 60_000 })

const ROWS = 300

const LONG = process.env['TWINSPAN_LONG'] === '1'

for (const given of engines) {
  const missing = await clientFor(given.legacy, given.target)
  const skipped = missing === undefined ? '' : ` (skipped: ${missing})`
  describe.skipIf(missing !== undefined)(`${given.legacy} → ${given.target}${skipped}`, () => {
    guideOn(given)
  })
}

it('the page names three pairs of engines', () => {
  expect(engines.map(({ legacy, target, client }) => [legacy, target, client])).toEqual([
    ['postgres', 'postgres', 'psql'],
    ['mariadb', 'postgres', 'mariadb'],
    ['sqlite', 'pglite', 'sqlite3'],
  ])
})

/** The whole guide on two databases of our own, with the configuration that `init` wrote and no other. */
function guideOn({ legacy, target, commands: beginning, client, arguments: given, script }: GuideEngines): void {
  let folder: string
  let pair: Pair
  const before: Readonly<Record<string, string | undefined>> = { ...process.env }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'twinspan-engines-'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    pair = await openPair(folder, { legacy, target, rows: ROWS })
    Object.assign(process.env, { LEGACY: pair.legacyAddress, TARGET: pair.targetAddress })
  })
  afterAll(async () => {
    for (const name of ['LEGACY', 'TARGET']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
    await pair?.close()
    await rm(folder, { recursive: true })
  })

  it.each(beginning)('$line', async ({ line, file, status }) => {
    const ran = await patiently(line, folder)
    expect({ status: ran.status, stderr: ran.status === status ? '' : ran.stderr }).toEqual({ status, stderr: '' })
    if (file !== undefined) await writeFile(join(folder, file), ran.stdout)
  })

  it(`${client} reads what init printed, legacy goes on taking writes, and the step to capture finds it in place`, async () => {
    expect(await pair.triggers()).toEqual([])
    const input = readFileSync(join(folder, 'capture.sql'))
    execFileSync(client, [...given, ...pair.clientArguments(client as ClientName)], {
      cwd: folder,
      ...(script === '' ? {} : { input }),
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const installed = await pair.triggers()
    expect(installed.length).toBeGreaterThan(0)
    await insert(pair.legacy, 'between@example.org')
    expect((await run('advance --reason "installed by hand"', { cwd: folder })).status).toBe(0)
    // The very same ones, not others of the same names.
    expect(await pair.triggers()).toEqual(installed)
    expect((await run('doctor --json', { cwd: folder })).objects[0]).toMatchObject({ refusing: 0 })
    expect((await run('rollback off --reason "from the beginning"', { cwd: folder })).status).toBe(0)
  })

  // The configuration and the script are there already.
  const road = commands.filter(({ line }) => !line.startsWith('init'))
  const shadow = road.findIndex(({ line }) => line.startsWith('advance shadow'))
  // PGlite opens its folder anew for each command, which takes most of a second.
  const isWhole = target !== 'pglite' || LONG
  it.each(isWhole ? road : road.slice(0, shadow))('$line', async ({ line, status }) => {
    const ran = await patiently(line, folder)
    expect({ status: ran.status, stderr: ran.status === status ? '' : ran.stderr }).toEqual({ status, stderr: '' })
  })

  it.skipIf(isWhole)('has the same rows on both sides (and goes on with TWINSPAN_LONG=1)', async () => {
    expect(await pair.targetRows()).toEqual(await all(pair.legacy))
  })

  it.runIf(isWhole)('ends complete, with the same rows on both sides and a legacy that refuses writes', async () => {
    const { objects } = await run('status --json --no-gates', { cwd: folder })
    expect(objects[0]).toMatchObject({ phase: 'complete', journal: { depth: 0, parked: 0 } })
    const rows = await all(pair.legacy)
    expect(rows).toHaveLength(ROWS + 1)
    expect(await pair.targetRows()).toEqual(rows)
    await expect(insert(pair.legacy, 'late@example.org')).rejects.toThrow(/frozen|refuse|stale/i)
  })
}

/** A server that has much to do takes longer to make our tables than a process waits for it. */
async function patiently(line: string, cwd: string): Promise<Ran> {
  for (let tries = 1; ; tries++) {
    const ran = await run(line, { cwd })
    if (tries === 5 || !ran.stderr.includes('[TWINSPAN_UNAVAILABLE]')) return ran
  }
}

async function insert(db: Kysely<unknown>, email: string): Promise<void> {
  await sql`insert into users (email) values (${email})`.execute(db)
}

async function all(db: Kysely<unknown>): Promise<readonly unknown[]> {
  return (await sql`select id, email from users order by id`.execute(db)).rows
}
