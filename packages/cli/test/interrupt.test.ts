import { once } from 'node:events'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { root } from './guide.ts'
import { startIn } from './process.ts'
import { run } from './world.ts'

vi.setConfig({ testTimeout: 60_000 })

const ROWS = 60_000

const CONFIG = `
import { createMigration, defineEntity, sameColumns } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { join } from 'node:path'
import { defineConfig } from 'twinspan'

const open = (file: string) =>
  new Kysely<any>({ dialect: new SqliteDialect({ database: new SqliteDatabase(join(import.meta.dirname, file)) }) })

export default defineConfig(() => {
  const [legacyDb, targetDb] = [open('legacy.db'), open('target.db')]
  const sides = { legacy: kyselySide(legacyDb), target: kyselySide(targetDb) }
  const notes = defineEntity({
    name: 'notes',
    legacy: sides.legacy.table('notes', { key: 'id' }),
    target: sides.target.table('notes', { key: 'id' }),
    ...sameColumns({ id: 'id', text: 'text' }),
  })
  const close = async () => {
    await legacyDb.destroy()
    await targetDb.destroy()
  }
  return { migration: createMigration({ name: 'notes', ...sides, entities: [notes] }), router: { unit: 'user' }, close }
})
`

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'twinspan-interrupt-'))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(join(folder, 'twinspan.config.ts'), CONFIG)
  for (const file of ['legacy.db', 'target.db']) {
    const database = new SqliteDatabase(join(folder, file))
    database.pragma('journal_mode = WAL')
    database.exec('create table notes (id integer primary key, text text not null)')
    if (file === 'legacy.db') {
      database.exec(
        `with recursive n(i) as (values (1) union all select i + 1 from n where i < ${ROWS}) insert into notes select i, 'note ' || i from n`,
      )
    }
    database.close()
  }
  await command('advance --reason a')
  await command('advance --reason b')
  await command('backfill')
})
afterAll(() => rm(folder, { recursive: true }))

async function command(line: string): Promise<Awaited<ReturnType<typeof run>>> {
  const ran = await run(line, { cwd: folder })
  expect({ line, status: ran.status, stderr: ran.status === 0 ? '' : ran.stderr }).toEqual({
    line,
    status: 0,
    stderr: '',
  })
  return ran
}

/** Starts a command, and presses Ctrl-C when it first says how far it is. */
async function interrupted(...args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  const { child, ended } = startIn(folder, ...args)
  await Promise.race([once(child.stderr ?? child, 'data'), ended])
  child.kill('SIGINT')
  return ended
}

it('a sweep that gets Ctrl-C records nothing, and the next one is whole', async () => {
  const { code, out } = await interrupted('reconcile', '--max-load', '0.02', '--report', './report')
  expect({ code, out }).toEqual({ code: 130, out: expect.stringContaining('Stopped.') })
  const entities = async (): Promise<unknown> =>
    ((await command('status --no-gates --json')).objects[0] as { readonly entities?: unknown }).entities
  expect(await entities()).toMatchObject([{ sweep: null }])
  await command('reconcile')
  expect(await entities()).toMatchObject([{ sweep: { rows: ROWS, drift: 0 } }])
})

it('a second Ctrl-C does not wait for what the first one waits for', async () => {
  await writeFile(
    join(folder, 'hangs.config.ts'),
    "import open from './twinspan.config.ts'\nexport default () => ({ ...open(), close: () => new Promise<void>(() => {}) })",
  )
  const { child, ended } = startIn(folder, 'status', '--watch', '--no-gates', '--config', 'hangs.config.ts')
  await once(child.stdout ?? child, 'data')
  child.kill('SIGINT')
  await setTimeout(500)
  expect(child.exitCode).toBe(null)
  child.kill('SIGINT')
  expect((await ended).code).toBe(130)
})

it('an archive that gets Ctrl-C goes on where it was, and is sound', async () => {
  await command('advance shadow --reason c')
  await command('advance canary --reason d')
  await command('ramp 100 --reason all')
  await command('reconcile')
  await command('advance target-primary --reason e')
  await command('advance complete --reason f')
  const { code, out } = await interrupted('archive', './archive', '--reason', 'g')
  expect({ code, out }).toEqual({ code: 130, out: expect.stringContaining('Stopped.') })
  expect((await run('verify-archive ./archive', { cwd: folder })).status).not.toBe(0)
  const again = await command('archive ./archive --reason g --json')
  expect(again.objects[0]).toMatchObject({ verified: { ok: true, rows: ROWS } })
  await command('verify-archive ./archive --compare')
})
