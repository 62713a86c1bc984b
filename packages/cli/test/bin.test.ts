import { once } from 'node:events'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type Process, startIn } from './process.ts'

// Five processes of Node on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 })

const CONFIG = `
import { createMigration, defineEntity, sameColumns } from '@twinspan/core'
import { kyselySide } from '@twinspan/kysely'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { defineConfig } from 'twinspan'

const open = (file: string) => new Kysely<any>({ dialect: new SqliteDialect({ database: new SqliteDatabase(file) }) })

export default defineConfig(() => {
  const sides = { legacy: kyselySide(open('legacy.db')), target: kyselySide(open('target.db')) }
  const notes = defineEntity({
    name: 'notes',
    legacy: sides.legacy.table('notes', { key: 'id' }),
    target: sides.target.table('notes', { key: 'id' }),
    ...sameColumns({ id: 'id', text: 'text' }),
  })
  // No close(): a configuration that forgets it must not keep the shell waiting.
  return { migration: createMigration({ name: 'notes', ...sides, entities: [notes] }) }
})
`

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'twinspan-bin-'))
  await symlink(join(import.meta.dirname, '..', '..', '..', 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(join(folder, 'twinspan.config.ts'), CONFIG)
  for (const file of ['legacy.db', 'target.db']) {
    const database = new SqliteDatabase(join(folder, file))
    database.pragma('journal_mode = WAL')
    database.exec('create table notes (id integer primary key, text text not null)')
    if (file === 'legacy.db') {
      database.exec(
        "with recursive n(i) as (values (1) union all select i + 1 from n where i < 400) insert into notes select i, 'note ' || i from n",
      )
    }
    database.close()
  }
})
afterAll(() => rm(folder, { recursive: true }))

const start = (...args: string[]): Process => startIn(folder, ...args)

it('a process that gets Ctrl-C ends after the chunk at work, and the next one goes on from there', async () => {
  for (const reason of ['one', 'two']) {
    const { code, out } = await start('advance', '--reason', reason).ended
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('Done.') })
  }
  const { child, ended } = start('backfill', '--chunk-rows', '5', '--max-load', '0.02', '--json')
  await once(child.stdout ?? child, 'data')
  child.kill('SIGINT')
  const stopped = await ended
  expect(stopped.code).toBe(130)

  const target = new SqliteDatabase(join(folder, 'target.db'))
  const copied = (): number => (target.prepare('select count(*) as n from notes').get() as { n: number }).n
  expect(copied()).toBeGreaterThan(0)
  expect(copied()).toBeLessThan(400)
  const before = copied()

  const resumed = await start('backfill', '--json').ended
  expect(resumed.code).toBe(0)
  const lines = resumed.out.trim().split('\n')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ type: 'backfill', entity: 'notes' })
  expect((JSON.parse(lines[0] ?? '') as { rows: number }).rows).toBeGreaterThan(before)
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ rows: 400, inserted: 400, done: true })
  expect(copied()).toBe(400)
  target.close()
})

// Once it ended by itself after the first look: nothing that waits in the library keeps a process alive.
it('a watch goes on until Ctrl-C', async () => {
  const { child, ended } = start('status', '--watch', '--every', '0.2', '--no-gates', '--json')
  let looks = 0
  child.stdout?.on('data', () => {
    looks += 1
    if (looks === 3) child.kill('SIGINT')
  })
  const { code, out } = await ended
  expect({ code, looks: out.trim().split('\n').length }).toEqual({ code: 0, looks: 3 })
})
